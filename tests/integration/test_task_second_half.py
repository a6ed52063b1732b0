"""From the verified copy to the kept source: every state twice, as Step Functions may run them."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from migration import clients
from migration.aurora import Aurora
from migration.dms import Dms
from migration.errors import NotReady
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.model import MigrationPlan, from_json
from migration.names import Names
from migration.read_gates import ReadGates
from migration.read_shift import GateReport
from migration.sides import sides_of
from tests.integration.task_account import TaskAccount

QUEUE = "arn:aws:sqs:us-east-1:123456789012:dlq"
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:crossfade-"


@pytest.fixture
def replicated(account: TaskAccount, monkeypatch: pytest.MonkeyPatch) -> TaskAccount:
    """Everything up to AwaitReplication is done."""
    topic = boto3.client("sns").create_topic(Name="crossfade-alerts")["TopicArn"]
    boto3.client("scheduler").create_schedule_group(Name="crossfade")
    for name, value in {
        "CROSSFADE_TOPIC_ARN": topic,
        "CROSSFADE_SCHEDULE_GROUP": "crossfade",
        "CROSSFADE_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
        "CROSSFADE_SCHEDULE_DLQ_ARN": QUEUE,
        "CROSSFADE_STEP_READS_ARN": FUNCTION + "step-reads",
        "CROSSFADE_FINISH_BAKE_ARN": FUNCTION + "finish-bake",
        "CROSSFADE_WATCH_REVERSE_ARN": FUNCTION + "watch-reverse",
        "CROSSFADE_REMIND_RETIREMENT_ARN": FUNCTION + "remind-retirement",
    }.items():
        monkeypatch.setenv(name, value)
    account.deploy()
    account.run_until("AwaitReplication")
    return account


def bake(account: TaskAccount) -> dict[str, Any]:
    """Bake keeps a token; the state machine repeats it until the tasks have changed places."""
    event = json.loads(
        json.dumps({"taskToken": "token", "state": account.state, "executionArn": account.execution_arn})
    )
    deadline = time.monotonic() + 40
    while True:
        try:
            return dict(account._handler("Bake")(event, None))
        except NotReady:
            assert time.monotonic() < deadline, "Bake is still not ready"
            time.sleep(0.05)


def schedules() -> list[str]:
    found = boto3.client("scheduler").list_schedules(GroupName="crossfade")["Schedules"]
    return [str(item["Name"]) for item in found]


def test_to_the_end(replicated: TaskAccount) -> None:
    account = replicated
    assert account.run("VerifyData")["rows"] == 1000
    drill = account.run("DrillFailover")
    assert account.run("DrillFailover") == drill
    assert drill["writerBefore"] != drill["writerAfter"]
    account.run("PrepareReverse")
    first = account.run("CutOver")
    assert account.run("CutOver") == first
    for _ in range(2):
        assert bake(account) == {"bakeDays": 7}
    assert sorted(schedules()) == [f"crossfade-{name}-{account.migration_id}" for name in ("bake", "reverse")]
    completion = account.run("Complete")
    assert account.run("Complete") == completion
    assert_completed(account)


def assert_completed(account: TaskAccount) -> None:
    instance = account.rds.instance("orders-db")
    assert instance["DeletionProtection"] is True
    snapshots = account.rds.client.describe_db_snapshots(DBInstanceIdentifier="orders-db")["DBSnapshots"]
    assert f"crossfade-{account.migration_id}-final" in [item["DBSnapshotIdentifier"] for item in snapshots]
    assert f"crossfade-remind-{account.migration_id}" in schedules()
    assert account.ledger_item("source#orders") == {}
    with account.target() as session:
        assert session.run("select to_regnamespace('crossfade')::text") == [[None]]
        assert session.run("select count(*) from pg_trigger where tgname = 'crossfade_guard'") == [[0]]
        session.run("insert into orders (note, total) values ('after', 1)")


def gates_of(account: TaskAccount) -> ReadGates:
    plan = from_json(MigrationPlan, account.state["plan"])
    return ReadGates(
        plan,
        sides_of(plan, account.state),
        Ledger(clients.dynamodb(), "ledger"),
        Aurora(clients.rds(), plan),
        Dms(clients.dms(), Names(plan)),
        Metrics(clients.cloudwatch()),
    )


def test_gates_of_the_read_shift(replicated: TaskAccount) -> None:
    account = replicated
    gates = gates_of(account)
    assert gates.look(datetime.now(UTC)) == GateReport()
    assert "DMS sends no lag metric" in gates.look(datetime.now(UTC) - timedelta(days=1)).holding
    gates.ledger.release("orders", account.migration_id)
    assert gates.look(datetime.now(UTC)).broken == ("the source orders is not claimed by this migration any more",)
    task = gates.dms.task()["ReplicationTaskArn"]
    clients.dms().stop_replication_task(ReplicationTaskArn=task)
    report = gates.look(datetime.now(UTC))
    assert any("The replication task" in reason for reason in report.broken)
