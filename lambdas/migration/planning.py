"""Makes the plan from what was asked for and found. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Set
from dataclasses import dataclass
from typing import Any

from migration.assessment import InstanceFacts
from migration.capacity import CapacityRange, first_range
from migration.engine_versions import EngineVersion, choose
from migration.errors import MigrationBlocked
from migration.inputs import MigrationInput, TargetOverrides
from migration.model import Finding, MigrationPlan, Source, SourceSettings, Target, migration_id_for
from migration.replication_instance import choose_class

METHOD_REASON = (
    "A PostgreSQL snapshot restored into Aurora has a log position that cannot be compared with the source's (AWS_RULES"
    " R2.2), so the restored tables are emptied and DMS loads them again and follows the changes."
)
TARGET_ENGINE = "aurora-postgresql"


@dataclass(frozen=True)
class Offer:
    """What the Region offers now."""

    versions: list[EngineVersion]
    replication_classes: Set[str]


def instance_facts(instance: Mapping[str, Any], own_parameters: list[str]) -> InstanceFacts:
    """DescribeDBInstances → what the rules ask."""
    return InstanceFacts(
        instance_id=instance["DBInstanceIdentifier"],
        status=instance["DBInstanceStatus"],
        engine=instance["Engine"],
        in_cluster=bool(instance.get("DBClusterIdentifier")),
        pending_changes=sorted(instance.get("PendingModifiedValues", {})),
        read_replicas=list(instance.get("ReadReplicaDBInstanceIdentifiers", [])),
        auto_minor_version_upgrade=bool(instance.get("AutoMinorVersionUpgrade")),
        storage_encrypted=bool(instance.get("StorageEncrypted")),
        iam_authentication=bool(instance.get("IAMDatabaseAuthenticationEnabled")),
        own_parameters=own_parameters,
    )


def describe_source(
    name: str, settings: SourceSettings, instance: Mapping[str, Any], master_user: str, application_roles: list[str]
) -> Source:
    """DescribeDBInstances → the source as later states need it."""
    return Source(
        name=name,
        settings=settings,
        instance_arn=instance["DBInstanceArn"],
        engine=instance["Engine"],
        engine_version=instance["EngineVersion"],
        instance_class=instance["DBInstanceClass"],
        host=instance["Endpoint"]["Address"],
        port=instance["Endpoint"]["Port"],
        subnet_group=instance["DBSubnetGroup"]["DBSubnetGroupName"],
        subnet_ids=[subnet["SubnetIdentifier"] for subnet in instance["DBSubnetGroup"]["Subnets"]],
        security_group_ids=[group["VpcSecurityGroupId"] for group in instance["VpcSecurityGroups"]],
        parameter_group=instance["DBParameterGroups"][0]["DBParameterGroupName"],
        storage_encrypted=bool(instance.get("StorageEncrypted")),
        kms_key_id=instance.get("KmsKeyId"),
        master_user=master_user,
        application_roles=application_roles,
    )


def make_plan(
    asked: MigrationInput, execution_arn: str, source: Source, offer: Offer, findings: list[Finding]
) -> MigrationPlan:
    """Raises MigrationBlocked when no target version, capacity or replication instance fits."""
    migration_id = migration_id_for(source.name, execution_arn)
    version = choose(source.engine_version, offer.versions, asked.target.engine_version)
    capacity = capacity_range(asked.target, version, source.instance_class)
    defaults = Target("", TARGET_ENGINE, "", "", 0, 0)
    return MigrationPlan(
        migration_id=migration_id,
        execution_arn=execution_arn,
        source=source,
        target=Target(
            cluster_id=_cluster_id(asked.target.cluster_id, migration_id, source.settings),
            engine=TARGET_ENGINE,
            engine_version=version.version,
            parameter_group_family=version.parameter_group_family,
            min_acu=capacity.min_acu,
            max_acu=capacity.max_acu,
            backup_retention_days=asked.target.backup_retention_days or defaults.backup_retention_days,
        ),
        options=asked.options,
        method="dms",
        method_reason=METHOD_REASON,
        replication_instance_class=choose_class(offer.replication_classes, source.instance_class),
        findings=[*findings, Finding("note", "The capacity range", capacity.reason, "target.minAcu, target.maxAcu")],
    )


def _cluster_id(wanted: str | None, migration_id: str, settings: SourceSettings) -> str:
    if wanted is not None and wanted not in settings.target_cluster_ids:
        raise MigrationBlocked(
            f"target.clusterId {wanted} is not one of targetClusterIds of this source: add it in cdk.json and deploy."
        )
    return wanted or f"crossfade-{migration_id}"


def capacity_range(asked: TargetOverrides, version: EngineVersion, instance_class: str) -> CapacityRange:
    """The operator's numbers where given, within what the version can do; ours elsewhere."""
    ours = first_range(instance_class, version.max_acu)
    low, high = asked.min_acu, asked.max_acu
    if (high or 0) > version.max_acu or (low or version.min_acu) < version.min_acu:
        raise MigrationBlocked(
            f"Aurora PostgreSQL {version.version} scales from {version.min_acu:g} to {version.max_acu:g} ACU:"
            " correct target.minAcu or target.maxAcu."
        )
    chosen_low = low if low is not None else min(ours.min_acu, high or ours.min_acu)
    return CapacityRange(chosen_low, high or max(ours.max_acu, chosen_low), ours.reason)
