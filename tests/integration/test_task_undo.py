"""The way back from the middle of each slow step: whatever was half made is gone, and the source is as it was found."""

import contextlib

import boto3
import pytest

from migration import clients
from migration.errors import NotReady, StateDrifted
from migration.ledger import Claim, Ledger
from tests.integration.task_account import READER_NAME, WRITER_NAME, TaskAccount


@pytest.fixture(autouse=True)
def _schedules(account: TaskAccount, monkeypatch: pytest.MonkeyPatch) -> None:
    """The group of the schedules, which the compensations look through."""
    boto3.client("scheduler").create_schedule_group(Name="crossfade")
    monkeypatch.setenv("CROSSFADE_SCHEDULE_GROUP", "crossfade")
    monkeypatch.setenv("CROSSFADE_SCHEDULER_ROLE_ARN", "arn:aws:iam::123456789012:role/scheduler")
    monkeypatch.setenv("CROSSFADE_SCHEDULE_DLQ_ARN", "arn:aws:sqs:us-east-1:123456789012:dlq")


@pytest.mark.parametrize(
    ("done", "begun"),
    [
        ("PrepareSource", "SnapshotSource"),
        ("AwaitSnapshot", "CreateTarget"),
        ("CreateTarget", "AwaitTarget"),
        ("AwaitTarget", "StartReplication"),
    ],
)
def test_what_is_half_made_is_undone(account: TaskAccount, done: str, begun: str) -> None:
    account.deploy()
    before = account.records(WRITER_NAME) + account.records(READER_NAME)
    account.run_until(done)
    with contextlib.suppress(NotReady):
        account.once(begun)
    for name in ("StopReplication", "DiscardTarget"):
        account.run(name)
    _nothing_is_left(account)
    assert account.records(WRITER_NAME) + account.records(READER_NAME) == before


@pytest.mark.parametrize("late", ["StopReplication", "DiscardTarget", "KeepTarget"])
def test_what_runs_again_after_the_end_leaves_the_next_migration_alone(account: TaskAccount, late: str) -> None:
    account.deploy()
    account.run_until("PrepareSource")
    for name in ("StopReplication", "DiscardTarget"):
        account.run(name)
    ledger = Ledger(clients.dynamodb(), "ledger")
    theirs = ledger.claim("orders", Claim("orders-another", account.start_execution(), "now"))
    with account.source() as source:
        source.run("create schema crossfade")
        account.run(late)
        assert source.run("select to_regnamespace('crossfade')::text") == [["crossfade"]]
    assert ledger.holder("orders") == theirs


def test_a_failed_connection_test_is_drift_and_undone(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("AwaitTarget")
    with account.source() as source:
        source.run(f"alter role {account.state['preparation']['replicationRole']} password 'changed by somebody'")
    with pytest.raises(StateDrifted, match=r"DMS cannot connect through endpoint .*-source: .*password authentication"):
        account.run("StartReplication")
    for name in ("StopReplication", "DiscardTarget"):
        account.run(name)
    _nothing_is_left(account)


def _nothing_is_left(account: TaskAccount) -> None:
    rds, dms = account.rds.client, clients.dms()
    assert rds.describe_db_clusters()["DBClusters"] == []
    assert [item["DBInstanceIdentifier"] for item in rds.describe_db_instances()["DBInstances"]] == ["orders-db"]
    assert rds.describe_db_snapshots(SnapshotType="manual")["DBSnapshots"] == []
    groups = rds.describe_db_cluster_parameter_groups()["DBClusterParameterGroups"]
    assert [group for group in groups if group["DBClusterParameterGroupName"].startswith("crossfade-")] == []
    assert dms.describe_replication_instances()["ReplicationInstances"] == []
    assert dms.describe_endpoints()["Endpoints"] == []
    secrets = boto3.client("secretsmanager").list_secrets()["SecretList"]
    assert [secret["Name"] for secret in secrets if secret["Name"].startswith("crossfade/")] == []
    assert account.ledger_item("source#orders") == {}
    with account.source() as source:
        assert source.run("select count(*) from pg_replication_slots") == [[0]]
        assert source.run("select to_regnamespace('crossfade')") == [[None]]
        assert source.run("select count(*) from pg_roles where rolname like 'crossfade_dms%'") == [[0]]
