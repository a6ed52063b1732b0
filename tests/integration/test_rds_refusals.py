"""What AWS refuses, the emulated RDS refuses, with AWS's codes and before anything changes."""

from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.account import time_factor
from rehearsal.account.rds.fleet import Fleet
from rehearsal.servers.installation import Installation
from tests.account_platform import MemoryPlatform
from tests.integration.rds_account import SOURCE, RdsAccount, refusal

MEMBER = {
    "DBInstanceIdentifier": "orders-aurora-1",
    "DBClusterIdentifier": "orders-aurora",
    "Engine": "aurora-postgresql",
    "DBInstanceClass": "db.serverless",
}
RESTORE = {
    "DBClusterIdentifier": "other-aurora",
    "SnapshotIdentifier": "arn:aws:rds:us-east-1:000000000000:snapshot:orders-1",
    "Engine": "aurora-postgresql",
    "EngineVersion": "18.4",
}


@pytest.fixture(scope="module")
def account(installation_of_module: Installation) -> Iterator[RdsAccount]:
    """A source, its snapshot and a cluster without instances and capacity limits."""
    before = time_factor.pace()
    time_factor.set_pace(600)
    rds = RdsAccount(Fleet(MemoryPlatform(), installation_of_module))
    rds.create_source()
    scaling = {"ServerlessV2ScalingConfiguration": {"MinCapacity": 1, "MaxCapacity": 2}}
    plain = {
        "DBClusterIdentifier": "orders-aurora",
        "SnapshotIdentifier": rds.take_snapshot(),
        "Engine": "aurora-postgresql",
    }
    rds.client.restore_db_cluster_from_snapshot(**plain)
    rds.until_cluster("orders-aurora")
    rds.client.restore_db_cluster_from_snapshot(
        **{**plain, **scaling, "DBClusterIdentifier": "kept", "DeletionProtection": True}
    )
    rds.until_cluster("kept")
    yield rds
    time_factor.set_pace(before)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DBInstanceIdentifier": "orders-db"}, "DBInstanceAlreadyExists"),
        ({"DBInstanceIdentifier": "orders--db"}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "1orders"}, "InvalidParameterValue"),
        ({"DBInstanceIdentifier": "orders-"}, "InvalidParameterValue"),
        ({"Engine": "oracle-se2"}, "InvalidParameterValue"),
        ({"EngineVersion": "18.99"}, "InvalidParameterCombination"),
        ({"DBInstanceClass": "large"}, "InvalidParameterValue"),
        ({"DBInstanceClass": "db.serverless"}, "InvalidParameterCombination"),
        ({"MasterUserPassword": "short"}, "InvalidParameterValue"),
        ({"MasterUserPassword": "with@at-sign"}, "InvalidParameterValue"),
        ({"ManageMasterUserPassword": True}, "InvalidParameterCombination"),
        ({"MasterUsername": "rdsadmin"}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 36}, "InvalidParameterValue"),
        ({"DBSubnetGroupName": "missing"}, "DBSubnetGroupNotFoundFault"),
        ({"DBParameterGroupName": "missing"}, "DBParameterGroupNotFound"),
        ({"DBParameterGroupName": "default.postgres17"}, "InvalidParameterCombination"),
        ({"EngineLifecycleSupport": "perhaps"}, "InvalidParameterValue"),
        ({"VpcSecurityGroupIds": ["default"]}, "InvalidParameterValue"),
        ({"Port": 1}, "InvalidParameterValue"),
    ],
)
def test_create_instance(account: RdsAccount, changes: dict[str, Any], code: str) -> None:
    request = {**SOURCE, "DBInstanceIdentifier": "another-db", **changes}
    assert refusal(lambda: account.client.create_db_instance(**request)) == code
    assert [one["DBInstanceIdentifier"] for one in account.client.describe_db_instances()["DBInstances"]] == [
        "orders-db"
    ]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DBClusterIdentifier": "missing"}, "DBClusterNotFoundFault"),
        ({}, "InvalidParameterCombination"),  # db.serverless without ServerlessV2ScalingConfiguration
        (
            {"DBClusterIdentifier": "kept", "Engine": "postgres", "DBInstanceClass": "db.r6g.large"},
            "InvalidParameterCombination",
        ),
        ({"DBClusterIdentifier": "kept", "MasterUsername": "me"}, "InvalidParameterCombination"),
        ({"DBClusterIdentifier": "kept", "EngineVersion": "18.3"}, "InvalidParameterCombination"),
        ({"DBClusterIdentifier": "kept", "DeletionProtection": True}, "InvalidParameterCombination"),
        ({"DBClusterIdentifier": "kept", "DBParameterGroupName": "missing"}, "DBParameterGroupNotFound"),
    ],
)
def test_create_member(account: RdsAccount, changes: dict[str, Any], code: str) -> None:
    assert refusal(lambda: account.client.create_db_instance(**{**MEMBER, **changes})) == code


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"DBClusterIdentifier": "orders-aurora"}, "DBClusterAlreadyExistsFault"),
        ({"DBClusterIdentifier": "orders_aurora"}, "InvalidParameterValue"),
        ({"SnapshotIdentifier": "orders-1"}, "DBClusterSnapshotNotFoundFault"),  # an instance snapshot goes by ARN
        ({"SnapshotIdentifier": "arn:aws:rds:us-east-1:000000000000:snapshot:no"}, "DBSnapshotNotFound"),
        ({"Engine": "aurora-mysql"}, "InvalidParameterValue"),
        ({"EngineVersion": "18.3"}, "InvalidParameterCombination"),  # older minor than the source
        ({"EngineVersion": "17.7"}, "InvalidParameterCombination"),
        ({"EngineVersion": "18.77"}, "InvalidParameterCombination"),
        ({"DBSubnetGroupName": "missing"}, "DBSubnetGroupNotFoundFault"),
        ({"DBClusterParameterGroupName": "missing"}, "DBClusterParameterGroupNotFound"),
        ({"DBClusterParameterGroupName": "default.aurora-postgresql17"}, "InvalidParameterCombination"),
        ({"EngineLifecycleSupport": "no"}, "InvalidParameterValue"),
        ({"BackupRetentionPeriod": 0}, "InvalidParameterValue"),
    ],
)
def test_restore_cluster(account: RdsAccount, changes: dict[str, Any], code: str) -> None:
    assert refusal(lambda: account.client.restore_db_cluster_from_snapshot(**{**RESTORE, **changes})) == code


@pytest.mark.parametrize(("least", "most"), [(0.3, 2), (0.5, 2.2), (2, 1), (0.5, 0.5), (-1, 2), (1, 512)])
def test_capacity_off_the_grid_or_out_of_range(account: RdsAccount, least: float, most: float) -> None:
    scaling = {"MinCapacity": least, "MaxCapacity": most}
    call = account.client.modify_db_cluster
    code = refusal(lambda: call(DBClusterIdentifier="kept", ServerlessV2ScalingConfiguration=scaling))
    assert code == "InvalidParameterValue"


def test_protected_cluster_and_instance_stay(account: RdsAccount) -> None:
    rds = account.client
    assert refusal(lambda: rds.delete_db_cluster(DBClusterIdentifier="kept", SkipFinalSnapshot=True)) == (
        "InvalidParameterCombination"
    )
    rds.modify_db_instance(DBInstanceIdentifier="orders-db", DeletionProtection=True, ApplyImmediately=True)
    assert refusal(lambda: rds.delete_db_instance(DBInstanceIdentifier="orders-db", SkipFinalSnapshot=True)) == (
        "InvalidParameterCombination"
    )


def test_deleting_needs_a_decision_about_the_final_snapshot(account: RdsAccount) -> None:
    rds = account.client
    assert refusal(lambda: rds.delete_db_cluster(DBClusterIdentifier="orders-aurora")) == "InvalidParameterCombination"
    both = {"SkipFinalSnapshot": True, "FinalDBSnapshotIdentifier": "last"}
    assert (
        refusal(lambda: rds.delete_db_instance(DBInstanceIdentifier="orders-db", **both))
        == "InvalidParameterCombination"
    )


def test_snapshots(account: RdsAccount) -> None:
    rds = account.client
    again = {"DBSnapshotIdentifier": "orders-1", "DBInstanceIdentifier": "orders-db"}
    assert refusal(lambda: rds.create_db_snapshot(**again)) == "DBSnapshotAlreadyExists"
    assert refusal(lambda: rds.create_db_snapshot(**{**again, "DBInstanceIdentifier": "no"})) == "DBInstanceNotFound"
    assert refusal(lambda: rds.delete_db_snapshot(DBSnapshotIdentifier="no")) == "DBSnapshotNotFound"


def test_failover_needs_a_reader(account: RdsAccount) -> None:
    rds = account.client
    assert refusal(lambda: rds.failover_db_cluster(DBClusterIdentifier="kept")) == "InvalidDBClusterStateFault"
    assert refusal(lambda: rds.failover_db_cluster(DBClusterIdentifier="no")) == "DBClusterNotFoundFault"


@pytest.mark.parametrize(
    ("parameter", "code"),
    [
        ({"ParameterName": "no_such", "ParameterValue": "1", "ApplyMethod": "immediate"}, "InvalidParameterValue"),
        ({"ParameterName": "fsync", "ParameterValue": "0", "ApplyMethod": "immediate"}, "InvalidParameterValue"),
        (
            {"ParameterName": "max_wal_senders", "ParameterValue": "x", "ApplyMethod": "pending-reboot"},
            "InvalidParameterValue",
        ),
        (
            {"ParameterName": "rds.logical_replication", "ParameterValue": "2", "ApplyMethod": "pending-reboot"},
            "InvalidParameterValue",
        ),
        (
            {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "immediate"},
            "InvalidParameterCombination",
        ),
    ],
)
def test_parameters(account: RdsAccount, parameter: dict[str, str], code: str) -> None:
    rds = account.client
    group = {"DBParameterGroupName": "mine", "DBParameterGroupFamily": "postgres18", "Description": "d"}
    assert refusal(lambda: rds.create_db_parameter_group(**group)) in ("accepted", "DBParameterGroupAlreadyExists")
    call = rds.modify_db_parameter_group
    assert refusal(lambda: call(DBParameterGroupName="mine", Parameters=[parameter])) == code
    default = lambda: call(DBParameterGroupName="default.postgres18", Parameters=[parameter])  # noqa: E731
    assert refusal(default) == "InvalidDBParameterGroupState"


def test_groups_that_are_missing_or_in_use(account: RdsAccount) -> None:
    rds = account.client
    for name, code in (("no", "DBParameterGroupNotFound"), ("default.postgres18", "InvalidDBParameterGroupState")):
        assert refusal(lambda name=name: rds.delete_db_parameter_group(DBParameterGroupName=name)) == code  # type: ignore[misc]
    wrong = {"DBParameterGroupName": "x", "DBParameterGroupFamily": "mysql8.0", "Description": "d"}
    assert refusal(lambda: rds.create_db_parameter_group(**wrong)) == "InvalidParameterValue"


def test_lists_page_by_marker(account: RdsAccount) -> None:
    rds = account.client
    assert refusal(lambda: rds.describe_db_engine_versions(MaxRecords=10)) == "InvalidParameterValue"
    assert refusal(lambda: rds.describe_events(SourceIdentifier="x")) == "InvalidParameterCombination"
    pages = list(rds.get_paginator("describe_db_engine_versions").paginate(PaginationConfig={"PageSize": 20}))
    versions = [(one["Engine"], one["EngineVersion"]) for page in pages for one in page["DBEngineVersions"]]
    assert len(pages) > 1
    assert len(versions) == len(set(versions)) > 20


def test_filters(account: RdsAccount) -> None:
    clusters = account.client.describe_db_clusters(Filters=[{"Name": "db-cluster-id", "Values": ["kept"]}])[
        "DBClusters"
    ]
    assert [one["DBClusterIdentifier"] for one in clusters] == ["kept"]
    call = account.client.describe_db_clusters
    assert refusal(lambda: call(Filters=[{"Name": "colour", "Values": ["red"]}])) == "InvalidParameterValue"


def test_tags(account: RdsAccount) -> None:
    arn = account.cluster("kept")["DBClusterArn"]
    account.client.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    account.client.remove_tags_from_resource(ResourceName=arn, TagKeys=["b"])
    assert account.client.list_tags_for_resource(ResourceName=arn)["TagList"] == [{"Key": "a", "Value": "1"}]
    assert account.cluster("kept")["TagList"] == [{"Key": "a", "Value": "1"}]
    call = account.client.list_tags_for_resource
    assert refusal(lambda: call(ResourceName=arn.replace("kept", "no"))) == "DBClusterNotFoundFault"
