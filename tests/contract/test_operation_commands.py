"""The command lines of docs/operations.md run as they stand: the function gets the payload, the answer is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from migration.messages import operation_command
from rehearsal import execution
from rehearsal.process import Account
from stacks.names import function_name
from tests.contract.deployment import ROOT, ROWS

DOCUMENT = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
COMMANDS = re.findall(r"^echo '.*$", DOCUMENT, re.MULTILINE)
OPERATIONS = {function_name(name) for name, row in ROWS.items() if row.package == "operations"}
ECHO = "def handler(event, context): return event"


def called(command: str) -> str:
    found = re.search(r"--function-name (\S+)", command)
    return found[1] if found else ""


def test_every_operation_is_documented_with_its_command() -> None:
    assert {called(command) for command in COMMANDS} == OPERATIONS


@pytest.mark.parametrize("command", COMMANDS, ids=called)
def test_documented_commands_are_those_of_the_messages(command: str) -> None:
    payload = json.loads(command.split("'")[1])
    bare = command.replace(json.dumps(payload, separators=(",", ":")), '{"migrationId":"orders-db-1f0c9a2b"}')
    assert bare == operation_command(called(command), payload["migrationId"], "us-east-1")


def test_commands_run_as_they_stand(account: Account, make_function: Callable[..., str]) -> None:
    for name in sorted(OPERATIONS):
        make_function(name, ECHO)
    for command in COMMANDS:
        printed = execution.command(account, command)
        answer, _ = json.JSONDecoder().raw_decode(printed)
        assert answer == json.loads(command.split("'")[1])
