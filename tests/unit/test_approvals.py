"""The decision about the cut-over is taken once, at its moment, by whoever was asked."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from migration import approvals
from migration.errors import MigrationBlocked
from migration.executions import Executions
from migration.ledger import Ledger

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
ID = "orders-db-1f0c9a2b"


class Answers:
    """Step Functions' token calls, which moto does not have; `waiting` says whether somebody waits."""

    exceptions = boto3.client("stepfunctions", "us-east-1").exceptions

    def __init__(self) -> None:
        self.waiting, self.calls = True, list[tuple[str, Any]]()

    def send_task_success(self, **given: Any) -> None:
        self._note(given["taskToken"], json.loads(given["output"]))

    def send_task_failure(self, **given: Any) -> None:
        self._note(given["taskToken"], (given["error"], given["cause"]))

    def _note(self, token: str, value: Any) -> None:
        if not self.waiting:
            raise self.exceptions.TaskTimedOut({"Error": {"Code": "TaskTimedOut"}}, "SendTask")
        self.calls.append((token, value))


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield Ledger(boto3.client("dynamodb"), "ledger")


@pytest.fixture
def answers() -> Answers:
    return Answers()


@pytest.fixture
def executions(answers: Answers) -> Executions:
    return Executions(answers)  # type: ignore[arg-type]


def test_approving_twice_is_one_approval(ledger: Ledger, executions: Executions, answers: Answers) -> None:
    approvals.ask(ledger, ID, "token")
    result = approvals.approve(ledger, executions, ID, "ada", NOW)
    assert result == {"decision": "approved", "decidedBy": "ada", "at": "2026-11-23T12:00:00+00:00"}
    answers.waiting = False
    assert approvals.approve(ledger, executions, ID, "ada", NOW) == result
    assert answers.calls == [("token", result)]
    assert ledger.read(ID)["approval"]["state"] == "approved"


def test_rejecting_says_who_and_why(ledger: Ledger, executions: Executions, answers: Answers) -> None:
    approvals.ask(ledger, ID, "token")
    approvals.reject(ledger, executions, ID, "ada", "Friday")
    assert answers.calls == [("token", ("CutoverRejected", "The cut-over was rejected by ada: Friday"))]
    with pytest.raises(MigrationBlocked, match="was rejected already; nothing was changed"):
        approvals.approve(ledger, executions, ID, "bob", NOW)


def test_an_unknown_migration(ledger: Ledger, executions: Executions) -> None:
    with pytest.raises(MigrationBlocked, match="No migration nobody waits for a decision"):
        approvals.approve(ledger, executions, "nobody", "ada", NOW)


def test_a_decision_that_comes_too_late(ledger: Ledger, executions: Executions, answers: Answers) -> None:
    approvals.ask(ledger, ID, "token")
    answers.waiting = False
    for _ in range(2):
        with pytest.raises(MigrationBlocked, match="does not wait for a decision any more"):
            approvals.approve(ledger, executions, ID, "ada", NOW)


def test_asking_again_is_a_new_decision(ledger: Ledger, executions: Executions, answers: Answers) -> None:
    """A retry of RequestCutover has a new token, and a redrive may come after a decision."""
    approvals.ask(ledger, ID, "old")
    approvals.approve(ledger, executions, ID, "ada", NOW)
    approvals.ask(ledger, ID, "new")
    approvals.reject(ledger, executions, ID, "ada", "no")
    assert answers.calls[-1][0] == "new"
