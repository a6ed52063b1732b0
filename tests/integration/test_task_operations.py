"""Operators' functions on a real source: an abort between two tasks, and what status says before and after."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from migration.errors import AbortRequested, MigrationBlocked
from operations import abort, status
from tests.integration.task_account import TaskAccount


@pytest.fixture
def prepared(account: TaskAccount, monkeypatch: pytest.MonkeyPatch) -> TaskAccount:
    """A migration whose source is prepared."""
    for name, value in {
        "CROSSFADE_STATE_MACHINE_ARN": "arn:aws:states:us-east-1:123456789012:stateMachine:crossfade-migrate",
        "CROSSFADE_SCHEDULE_GROUP": "crossfade",
        "CROSSFADE_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
        "CROSSFADE_SCHEDULE_DLQ_ARN": "arn:aws:sqs:us-east-1:123456789012:dlq",
    }.items():
        monkeypatch.setenv(name, value)
    boto3.client("scheduler").create_schedule_group(Name="crossfade")
    account.deploy()
    account.run_until("PrepareSource")
    return account


def ask(operation: Any, account: TaskAccount, **more: str) -> dict[str, Any]:
    return dict(operation.handler({"migrationId": account.migration_id, **more}, None))


def test_an_aborted_migration_goes_no_further_and_is_undone(prepared: TaskAccount) -> None:
    account = prepared
    before = ask(status, account)
    assert before["weights"] == {name: {"source": 100, "target": 0} for name in ("reader", "writer")}
    assert (before["status"], before["lagSeconds"], before["reverse"]) == ("RUNNING", None, None)
    assert before["costSoFar"]["hours"] < 1

    for _ in range(2):
        assert ask(abort, account, by="ada", reason="Friday")["abort"]["by"] == "ada"
    for task in ("PrepareSource", "SnapshotSource", "AwaitSnapshot"):
        with pytest.raises(AbortRequested, match="ada asked to stop the migration: Friday"):
            account.once(task)
    for compensation in ("StopReplication", "DiscardTarget"):
        account.run(compensation)
    with pytest.raises(MigrationBlocked, match="was rolled back already: the source is the writer"):
        ask(abort, account)
    after = ask(status, account)
    assert after["weights"] == before["weights"]
    assert account.ledger_item("source#orders") == {}
