"""The runbook is whole: every alarm, message and end has its page, every link leads somewhere, every command parses."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest

from rehearsal import runbook
from rehearsal.runbook import Commands

ROOT = Path(__file__).resolve().parents[2]
PAGES = {path.stem: path.read_text(encoding="utf-8") for path in runbook.PAGES.glob("*.md")}
STATES: dict[str, dict[str, Any]] = json.loads((ROOT / "statemachines" / "migrate.asl.json").read_text())["States"]
PARTS = ("What you see", "Why", "What to type", "What happens then")
ENDS = {
    "PlanReady": ["plan-ready"],
    "Complete": ["complete"],
    "MigrationRefused": ["migration-refused"],
    "MigrationRolledBack": ["migration-rolled-back", "migration-rolled-back-target-kept"],
}


def kebab(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).lower()


@pytest.mark.parametrize("page", sorted(set(PAGES) - {"README"}))
def test_page_has_the_four_parts_and_is_in_the_index(page: str) -> None:
    assert tuple(re.findall(r"^## (.+)$", PAGES[page], re.MULTILINE))[:4] == PARTS
    assert f"({page}.md)" in PAGES["README"]


@pytest.mark.parametrize("page", sorted(PAGES))
def test_links_lead_somewhere(page: str) -> None:
    for target, anchor in re.findall(r"\]\(([\w-]+)\.md(?:#([\w-]+))?\)", PAGES[page]):
        assert target in PAGES, f"{page} links {target}"
        titles = {re.sub(r"[^\w -]", "", each).strip().lower().replace(" ", "-") for each in headings(target)}
        assert not anchor or anchor in titles, f"{page} links {target}#{anchor}"


def headings(page: str) -> list[str]:
    return re.findall(r"^#+ (.+)$", PAGES[page], re.MULTILINE)


def test_every_end_of_the_state_machine_has_its_page() -> None:
    ends = {name for name, state in STATES.items() if state["Type"] in ("Fail", "Succeed") or state.get("End")}
    assert ends == set(ENDS)
    for end, pages in ENDS.items():
        assert all(end in PAGES[page].splitlines()[0] for page in pages)


def test_every_state_in_which_an_execution_may_fail_has_its_section() -> None:
    """Such a state has no Catch for everything."""
    may_fail = {name for name, state in STATES.items() if state["Type"] == "Task" and not catches_all(state)}
    sections = re.findall(r"^### (\w+)$", PAGES["operator-needed"], re.MULTILINE)
    assert set(sections) == may_fail
    assert len(sections) == len(may_fail)


def catches_all(state: dict[str, Any]) -> bool:
    return any("States.ALL" in catch["ErrorEquals"] for catch in state.get("Catch", []))


def test_every_page_that_a_message_names_exists() -> None:
    named = {page for path in (ROOT / "lambdas").rglob("*.py") for page in pages_named_in(path)}
    assert named <= set(PAGES)
    for page in ("approval-requested", "writer-moved", "complete", "retirement-due", "way-back-broken"):
        assert page in named, f"no message names {page}"


def pages_named_in(path: Path) -> list[str]:
    calls = [node for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(node, ast.Call)]
    return [
        str(call.args[0].value)
        for call in calls
        if isinstance(call.func, ast.Name | ast.Attribute)
        and (call.func.id if isinstance(call.func, ast.Name) else call.func.attr) == "runbook"
        and isinstance(call.args[0], ast.Constant)
    ]


def test_every_alarm_names_its_page() -> None:
    template = json.loads((ROOT / "tests" / "stacks" / "template.snapshot.json").read_text())
    alarms = [each["Properties"] for each in template["Resources"].values() if each["Type"] == "AWS::CloudWatch::Alarm"]
    assert alarms
    for alarm in alarms:
        kind = alarm["AlarmName"].removeprefix("crossfade-").split("-")[0]
        assert alarm["AlarmDescription"].endswith(f"Runbook: docs/runbook/{kebab(kind)}.md")
        assert kebab(kind) in PAGES


def test_labels_are_unique() -> None:
    labels = [each.label for each in runbook.all_commands()]
    assert len(set(labels)) == len(labels)
    assert not re.search(r"```(sh|bash)\n", "".join(PAGES.values())), "commands without a name are not checked"


@dataclass
class Answer:
    """What botocore takes for an answer of AWS."""

    status_code: int = 200


def answer(model: Any, **_: Any) -> tuple[Answer, dict[str, Any]]:
    """Botocore's handler of `before-call`: what it returns is taken instead of asking AWS."""
    return Answer(), {"Payload": BytesIO(b"{}")} if model.name == "Invoke" else {}


@pytest.fixture(scope="module")
def cli() -> Iterator[Any]:
    """The CLI in this process, answered before it sends: arguments are parsed, checked by the model and serialised."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "us-east-1")
        driver = importlib.import_module("awscli.clidriver").create_clidriver()
        driver.session.register("before-call", answer)
        yield driver


@pytest.mark.parametrize("typed", runbook.all_commands(), ids=lambda typed: typed.label)
def test_the_aws_cli_understands_the_commands(
    typed: Commands, tmp_path: Path, cli: Any, capfd: pytest.CaptureFixture[str]
) -> None:
    calls = runbook.aws_calls(typed, tmp_path)
    assert calls
    for call in calls:
        assert cli.main(without_payload(call)) == 0, f"{' '.join(call)}\n{capfd.readouterr().err}"


def without_payload(call: list[str]) -> list[str]:
    """A payload comes through a pipe, which is closed here."""
    return [word.replace("fileb:///dev/stdin", "{}") for word in call]
