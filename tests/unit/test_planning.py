"""From what was asked for and found to the plan."""

from typing import Any

import pytest

from migration.engine_versions import EngineVersion, choose
from migration.errors import MigrationBlocked
from migration.inputs import TargetOverrides, parse_input
from migration.model import MigrationPlan, SourceSettings, from_json, to_json
from migration.planning import Offer, capacity_range, describe_source, instance_facts, make_plan
from migration.replication_instance import choose_class

EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:crossfade-migrate:first"
SETTINGS = SourceSettings("orders-db", "orders", "arn:m", "arn:a", "w.x", "r.x", "Z1", ["orders-aurora"])
INSTANCE: dict[str, Any] = {
    "DBInstanceIdentifier": "orders-db",
    "DBInstanceArn": "arn:aws:rds:us-east-1:123456789012:db:orders-db",
    "DBInstanceStatus": "available",
    "DBInstanceClass": "db.r6g.large",
    "Engine": "postgres",
    "EngineVersion": "16.4",
    "Endpoint": {"Address": "orders-db.x.rds.amazonaws.com", "Port": 5432},
    "DBSubnetGroup": {"DBSubnetGroupName": "private", "Subnets": [{"SubnetIdentifier": "subnet-1"}]},
    "VpcSecurityGroups": [{"VpcSecurityGroupId": "sg-1", "Status": "active"}],
    "DBParameterGroups": [{"DBParameterGroupName": "orders"}],
    "StorageEncrypted": True,
    "KmsKeyId": "arn:key",
}
VERSIONS = [
    EngineVersion(v, f"aurora-postgresql{v.split('.', 1)[0]}", 0.5, 128) for v in ("15.9", "16.3", "16.8", "16.10")
]
OFFER = Offer(VERSIONS, {"dms.r6i.large", "dms.r5.large", "dms.c6i.xlarge", "dms.t3.large"})


def plan(**given: Any) -> MigrationPlan:
    source = describe_source("orders", SETTINGS, INSTANCE, "admin", ["orders_app"])
    return make_plan(parse_input({"source": "orders", **given}), EXECUTION, source, OFFER, [])


def test_the_plan_says_everything_and_survives_json() -> None:
    made = plan()
    assert made.target.engine_version == "16.10"
    assert made.target.parameter_group_family == "aurora-postgresql16"
    assert made.target.cluster_id == f"crossfade-{made.migration_id}" == made.resource_prefix
    assert (made.target.min_acu, made.target.max_acu) == (2.0, 16.0)
    assert made.replication_instance_class == "dms.r6i.large"
    assert made.source.kms_key_id == "arn:key"
    assert from_json(MigrationPlan, to_json(made)) == made


def test_two_executions_have_two_ids_and_a_redrive_its_own() -> None:
    assert plan().migration_id == plan().migration_id
    other = make_plan(parse_input({"source": "orders"}), EXECUTION + "2", plan().source, OFFER, [])
    assert other.migration_id != plan().migration_id


def test_the_operator_may_choose() -> None:
    target = {
        "engineVersion": "16.8",
        "minAcu": 1,
        "maxAcu": 4,
        "clusterId": "orders-aurora",
        "backupRetentionDays": 30,
    }
    made = plan(target=target).target
    assert (made.engine_version, made.min_acu, made.max_acu) == ("16.8", 1, 4)
    assert (made.cluster_id, made.backup_retention_days) == ("orders-aurora", 30)


def test_a_cluster_name_needs_permission() -> None:
    with pytest.raises(MigrationBlocked, match="clusterId billing is not one of targetClusterIds"):
        plan(target={"clusterId": "billing"})


@pytest.mark.parametrize(("source", "wanted"), [("16.4", "16.3"), ("16.4", "15.9"), ("16.4", "17.1")])
def test_a_version_that_cannot_take_the_source_is_refused(source: str, wanted: str) -> None:
    with pytest.raises(MigrationBlocked, match=r"choose one of 16\.8, 16\.10\."):
        choose(source, VERSIONS, wanted)


@pytest.mark.parametrize("source", ["12.22", "16.11", "18.1"])
def test_a_source_without_a_way_is_told_to_upgrade(source: str) -> None:
    with pytest.raises(MigrationBlocked, match=f"PostgreSQL {source} cannot become Aurora Serverless v2"):
        choose(source, VERSIONS, None)


def test_minor_versions_are_numbers_not_text() -> None:
    assert choose("16.9", VERSIONS, None).version == "16.10"


def test_one_given_capacity_pulls_the_other_along() -> None:
    version = VERSIONS[2]
    assert capacity_range(TargetOverrides(max_acu=1), version, "db.r6g.large").min_acu == 1
    assert capacity_range(TargetOverrides(min_acu=64), version, "db.r6g.large").max_acu == 64


@pytest.mark.parametrize("asked", [TargetOverrides(max_acu=256), TargetOverrides(min_acu=0.5)])
def test_capacity_beyond_the_version_is_refused(asked: TargetOverrides) -> None:
    narrow = EngineVersion("13.6", "aurora-postgresql13", 1, 128)
    with pytest.raises(MigrationBlocked, match="scales from 1 to 128 ACU"):
        capacity_range(asked, narrow, "db.r6g.large")


@pytest.mark.parametrize(
    ("source_class", "chosen"), [("db.t3.micro", "dms.r6i.large"), ("db.r6g.2xlarge", "dms.c6i.xlarge")]
)
def test_the_replication_instance_follows_the_source(source_class: str, chosen: str) -> None:
    assert choose_class(OFFER.replication_classes, source_class) == chosen


def test_a_region_without_the_size_is_told() -> None:
    with pytest.raises(MigrationBlocked, match="no replication instance of size 2xlarge"):
        choose_class(OFFER.replication_classes, "db.r6g.16xlarge")


def test_facts_of_an_instance() -> None:
    facts = instance_facts({**INSTANCE, "PendingModifiedValues": {"EngineVersion": "16.8"}}, ["work_mem"])
    assert (facts.pending_changes, facts.in_cluster, facts.own_parameters) == (["EngineVersion"], False, ["work_mem"])
