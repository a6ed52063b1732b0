"""SnapshotSource to AwaitTarget: what the cluster is made of."""

import pytest

from migration.errors import MigrationBlocked, SnapshotNotReady, StateDrifted, TargetNotReady
from tests.integration.task_account import READER_NAME, WRITER_NAME, TaskAccount

TAGS = [{"Key": "team", "Value": "orders"}]


def test_the_cluster_has_everything_and_its_records_weigh_nothing(account: TaskAccount) -> None:
    account.deploy(Tags=TAGS, StorageEncrypted=True)
    account.run_until("AwaitTarget")
    ready = account.state["targetReady"]
    cluster = account.rds.cluster(f"crossfade-{account.migration_id}")

    assert account.run("AwaitTarget") == ready
    assert cluster["ServerlessV2ScalingConfiguration"]["MaxCapacity"] == 16.0
    assert cluster["EngineLifecycleSupport"] == "open-source-rds-extended-support-disabled"
    assert cluster["DeletionProtection"] is True
    assert cluster["CopyTagsToSnapshot"] is True
    assert cluster["BackupRetentionPeriod"] == 7
    assert cluster["EnabledCloudwatchLogsExports"] == ["postgresql"]
    assert cluster["StorageEncrypted"] is True
    tags = {tag["Key"]: tag["Value"] for tag in cluster["TagList"]}
    assert tags == {"team": "orders", "crossfade:migrationId": account.migration_id, "crossfade:source": "orders"}
    _members(account)
    for name, host in ((WRITER_NAME, ready["writerHost"]), (READER_NAME, ready["readerHost"])):
        assert {"id": "crossfade-target", "weight": 0, "host": host} in account.records(name)
    with account.target() as session:
        assert session.run("select count(*) from orders") == [[500]]
        assert session.run("show wal_level") == [["logical"]]


def _members(account: TaskAccount) -> None:
    for number, instance_id in enumerate(account.state["target"]["instanceIds"]):
        instance = account.rds.instance(instance_id)
        assert instance["DBInstanceClass"] == "db.serverless"
        assert instance["PerformanceInsightsEnabled"] is True
        assert instance["AutoMinorVersionUpgrade"] is False
        assert instance["PromotionTier"] == number
        assert instance["PubliclyAccessible"] is False


def test_progress_is_told_while_waiting(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("SnapshotSource")
    with pytest.raises(SnapshotNotReady, match=rf"snapshot crossfade-{account.migration_id}: \d+ %"):
        account.once("AwaitSnapshot")
    account.run("AwaitSnapshot")
    account.run("CreateTarget")
    with pytest.raises(TargetNotReady, match=f"crossfade-{account.migration_id}: creating"):
        account.once("AwaitTarget")


def test_a_name_that_somebody_else_has_is_not_taken(account: TaskAccount) -> None:
    account.deploy()
    account.store_settings(targetClusterIds=["orders-aurora"])
    account.rds.restore_cluster(account.rds.take_snapshot())
    account.assess(target={"clusterId": "orders-aurora"})
    for name in ("ClaimMigration", "PrepareSource", "SnapshotSource", "AwaitSnapshot"):
        account.run(name)
    with pytest.raises(StateDrifted, match="cluster orders-aurora exists and is not of this migration"):
        account.once("CreateTarget")
    account.run("StopReplication")
    account.run("DiscardTarget")
    assert account.rds.cluster("orders-aurora")["Status"] == "available"
    with pytest.raises(MigrationBlocked, match="billing is not one of targetClusterIds"):
        account.assess(target={"clusterId": "billing"})


def test_a_vanished_snapshot_is_drift(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("AwaitSnapshot")
    account.rds.client.delete_db_snapshot(DBSnapshotIdentifier=f"crossfade-{account.migration_id}")
    with pytest.raises(StateDrifted, match="does not exist any more"):
        account.once("AwaitSnapshot")
