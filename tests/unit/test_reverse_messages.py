"""What on-call reads about the way back: what going back would lose, and the command that mends it."""

from __future__ import annotations

import importlib
import shlex
from datetime import UTC, datetime
from typing import Any

import pytest

from migration.messages import Subject
from migration.reverse_messages import Breakage, resume_command, way_back_broken, way_back_recovered

ARN = "arn:aws:states:eu-west-1:123456789012:execution:crossfade-migrate:e1"
ABOUT = Subject("orders-db", "orders-db-1f0c9a2b", ARN, "orders-aurora")
TASK_ARN = "arn:aws:dms:eu-west-1:123456789012:task:ABCDEFGH"
EQUAL_UNTIL = datetime(2026, 11, 23, 12, 3, 4, tzinfo=UTC)
BREAKAGE = Breakage("its DMS task is failed.", EQUAL_UNTIL, 7_500_000, TASK_ARN)


def test_it_says_what_going_back_would_lose_and_how_to_resume() -> None:
    message = way_back_broken(ABOUT, BREAKAGE)
    assert message.subject == "orders-db: the way back from Aurora is broken"
    assert "lose every write on Aurora since 2026-11-23 12:03:04 UTC, about 7 MB of log." in message.body
    assert f"\n{resume_command(ABOUT, TASK_ARN)}\n" in message.body


def test_a_task_that_never_ran_is_started_at_its_position() -> None:
    command = resume_command(ABOUT, TASK_ARN, "4AF/B00000D0")
    assert command.endswith("--start-replication-task-type start-replication --cdc-start-position 4AF/B00000D0")


def test_what_is_lost_for_good_gets_no_command_that_cannot_help() -> None:
    final = Breakage("its replication slot is gone.", EQUAL_UNTIL, None, TASK_ARN, is_final=True)
    body = way_back_broken(ABOUT, final).body
    assert "start-replication-task" not in body
    assert "crossfade-complete-early" in body
    assert "since 2026-11-23 12:03:04 UTC. crossfade-roll-back refuses" in body


def test_recovery_has_nothing_to_do() -> None:
    message = way_back_recovered(ABOUT, 0.4)
    assert "it is 0 s behind" in message.body
    assert "What to do\nNothing." in message.body


@pytest.mark.parametrize("position", ["", "4AF/B00000D0"])
def test_the_aws_cli_understands_the_command(monkeypatch: pytest.MonkeyPatch, position: str) -> None:
    for name in ("AWS_DEFAULT_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "us-east-1")
    sent: list[dict[str, Any]] = []
    driver = importlib.import_module("awscli.clidriver").create_clidriver()
    driver.session.register("provide-client-params", lambda params, **_: sent.append(params))
    driver.session.register("before-call", lambda **_: (_Answer(), {}))
    assert driver.main(shlex.split(resume_command(ABOUT, TASK_ARN, position))[1:]) == 0
    assert sent[0]["ReplicationTaskArn"] == TASK_ARN


class _Answer:
    status_code = 200
