"""The tasks in the order of the state machine, each run twice as Step Functions may run it, and back again.

A second run gives the same result and leaves the same account. The way back starts from what RecallMigration brings,
so it is also the way of a migration whose execution was stopped.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from migration import clients
from migration.errors import NotReady
from migration.ledger import Ledger
from migration.model import SourceSettings, from_json
from migration.route53 import DnsRecords
from tests.integration.task_account import ASL, READER_NAME, WRITER_NAME, TaskAccount

ALERTS = {
    "SCHEDULE_GROUP": "crossfade",
    "SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
    "SCHEDULE_DLQ_ARN": "arn:aws:sqs:us-east-1:123456789012:dlq",
    **{
        f"{name}_ARN": f"arn:aws:lambda:us-east-1:123456789012:function:crossfade-{name.lower().replace('_', '-')}"
        for name in ("STEP_READS", "FINISH_BAKE", "REMIND_RETIREMENT", "WATCH_REVERSE")
    },
}
# What is measured, or counts the runs on purpose.
DIFFERENT_EACH_TIME = {
    "ClaimMigration": {"claimedAt"},
    "AwaitReplication": {"lagSeconds", "markerSeconds"},
    "ShiftReads": {"generation"},
}
BEFORE_THE_CUT_OVER = (
    *("ClaimMigration", "PrepareSource", "SnapshotSource", "AwaitSnapshot", "CreateTarget", "AwaitTarget"),
    *("StartReplication", "AwaitReplication", "VerifyData", "DrillFailover", "PrepareReverse", "ShiftReads"),
    "RequestCutover",
)
UNDONE = ("UnfenceSource", "RestoreReads", "StopReplication", "DiscardTarget")


@pytest.fixture
def deployed(account: TaskAccount, monkeypatch: pytest.MonkeyPatch) -> TaskAccount:
    """The source is there, and on-call listens."""
    monkeypatch.setenv("CROSSFADE_TOPIC_ARN", boto3.client("sns").create_topic(Name="crossfade-alerts")["TopicArn"])
    boto3.client("scheduler").create_schedule_group(Name="crossfade")
    for name, value in ALERTS.items():
        monkeypatch.setenv(f"CROSSFADE_{name}", value)
    account.deploy()
    return account


def waits_for_dns() -> list[str]:
    """Grows with every look whether a change is INSYNC."""
    seen: list[str] = []
    clients.route53().meta.events.register("before-call.route53.GetChange", lambda **_: seen.append("GetChange"))
    return seen


def test_every_state_before_the_cut_over_and_all_of_it_undone(deployed: TaskAccount) -> None:
    account, found = deployed, image(deployed)
    account.assess()
    for name in BEFORE_THE_CUT_OVER:
        twice(account, name)
    records_of(account).set_reader_weights(25)
    recall(account, "RestoreReads")
    waits = waits_for_dns()
    for name in UNDONE:
        twice(account, name)
    assert len(waits) == 2, "RestoreReads that runs again must wait too"
    assert image(account) == found


def test_the_cut_over_and_what_completes_it(deployed: TaskAccount) -> None:
    account = deployed
    account.run_until("PrepareReverse")
    waits = waits_for_dns()
    for name in ("CutOver", "FinishCutOver", "Bake"):
        twice(account, name)
    assert len(waits) >= 2, "each run of Bake must wait for the cut-over's change"
    Ledger(clients.dynamodb(), "ledger").update(account.migration_id, {"bake.ending": "completion"})
    recall(account, "Complete")
    twice(account, "Complete")
    assert account.ledger_item("source#orders") == {}
    with account.target("orders_app", "application-Passw0rd") as application:
        application.run("insert into orders (note, total) values ('after', 1)")


def test_the_way_back_from_the_bake(deployed: TaskAccount) -> None:
    account, found = deployed, image(deployed)
    account.run_until("PrepareReverse")
    for name in ("CutOver", "Bake"):
        twice(account, name)
    ask_to_go_back(account, attempt=1)
    twice(account, "UnfenceTarget")
    twice(account, "Bake")
    with account.target("orders_app", "application-Passw0rd") as application:
        application.run("insert into orders (note, total) values ('on Aurora', 1)")
    ask_to_go_back(account, attempt=2)
    recall(account, "SwitchBack")
    for name in ("SwitchBack", "FinishSwitchBack", "RestoreReads", "StopReplication", "KeepTarget"):
        twice(account, name)
    after = image(account)
    assert [cluster for cluster, _ in after["clusters"]] == [account.state["plan"]["target"]["clusterId"]]
    kept = ("clusters", "instances", "groups")
    assert {**after, **{key: found[key] for key in kept}} == found
    with account.source("orders_app", "application-Passw0rd") as application:
        assert application.run("select count(*) from orders where note = 'on Aurora'") == [[1]]
        application.run("insert into orders (note, total) values ('back again', 1)")


def twice(account: TaskAccount, name: str) -> None:
    """Runs a state as the machine does, then once more, as after an answer that got lost."""
    first = finished(account, name)
    before = settled_image(account)
    second = finished(account, name)
    different = DIFFERENT_EACH_TIME.get(name, set())
    assert {**second, **{key: first[key] for key in different}} == first, name
    assert image(account) == before, name


def settled_image(account: TaskAccount) -> dict[str, Any]:
    """DMS goes on for a moment after it has answered: its task is `starting`, its slot is being made."""
    last, deadline = image(account), time.monotonic() + 20
    while True:
        time.sleep(0.3)
        now = image(account)
        if (now == last and "starting" not in str(now)) or time.monotonic() > deadline:
            return now
        last = now


def finished(account: TaskAccount, name: str) -> dict[str, Any]:
    if not ASL[name]["Resource"].endswith(".waitForTaskToken"):
        return account.run(name)
    event = {"taskToken": f"token of {name}", "state": account.state, "executionArn": account.execution_arn}
    handler, deadline = account._handler(name), time.monotonic() + 60
    while True:
        try:
            return dict(handler(json.loads(json.dumps(event)), None))
        except NotReady:
            assert time.monotonic() < deadline, f"{name} is still not ready"
            time.sleep(0.05)


def recall(account: TaskAccount, following: str) -> None:
    """The execution is stopped; the state of the machine is what the ledger remembers."""
    boto3.client("stepfunctions").stop_execution(executionArn=account.execution_arn)
    account.execution_arn = account.start_execution()
    event = {"undo": account.migration_id, "executionArn": account.execution_arn}
    handler: Callable[..., dict[str, Any]] = account._handler("RecallMigration")
    state = handler(event, None)
    assert handler(event, None) == state
    assert state.pop("recalled") == {"next": following}
    account.state = state


def ask_to_go_back(account: TaskAccount, attempt: int) -> None:
    asked = {"attempt": attempt, "by": "ann", "reason": "a test", "at": datetime.now(UTC).isoformat()}
    Ledger(clients.dynamodb(), "ledger").update(account.migration_id, {"rollBack": asked})


def records_of(account: TaskAccount) -> DnsRecords:
    return DnsRecords(clients.route53(), from_json(SourceSettings, account.settings))


def image(account: TaskAccount) -> dict[str, Any]:
    """Everything that exists in the account, by name and state, and what a migration touches on the source."""
    rds, dms = account.rds.client, clients.dms()
    groups = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    secrets = boto3.client("secretsmanager").list_secrets()["SecretList"]
    schedules = boto3.client("scheduler").list_schedules()["Schedules"]
    return {
        "clusters": [
            (each["DBClusterIdentifier"], each["Status"]) for each in rds.describe_db_clusters()["DBClusters"]
        ],
        "instances": [each["DBInstanceIdentifier"] for each in rds.describe_db_instances()["DBInstances"]],
        "snapshots": [
            (each["DBSnapshotIdentifier"], each["Status"])
            for each in rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"]
        ],
        "groups": [each["DBClusterParameterGroupName"] for each in groups],
        "tasks": [
            (each["ReplicationTaskIdentifier"], each["Status"])
            for each in dms.describe_replication_tasks()["ReplicationTasks"]
        ],
        "endpoints": sorted(each["EndpointIdentifier"] for each in dms.describe_endpoints()["Endpoints"]),
        "replicationInstances": len(dms.describe_replication_instances()["ReplicationInstances"]),
        "secrets": sorted(each["Name"] for each in secrets if each["Name"].startswith("crossfade/")),
        # A read shift that begins again has a schedule of its own, in place of the earlier one.
        "schedules": sorted(each["Name"].removesuffix("-1").removesuffix("-2") for each in schedules),
        "records": [account.records(name) for name in (WRITER_NAME, READER_NAME)],
        "claim": set(account.ledger_item("source#orders")),
        "source": source_image(account),
    }


def source_image(account: TaskAccount) -> list[Any]:
    with account.source() as session:
        return [
            session.run(statement)
            for statement in (
                "select rolname, rolcanlogin, rolconfig from pg_roles order by 1",
                "select nspname from pg_namespace where nspname !~ '^pg_' order by 1",
                "select setconfig from pg_db_role_setting order by 1",
                "select slot_name from pg_replication_slots where not temporary order by 1",
                "select tgname from pg_trigger where not tgisinternal order by 1",
                "select attidentity from pg_attribute where attrelid = 'orders'::regclass and attnum = 1",
            )
        ]
