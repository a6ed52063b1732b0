"""RDS: the source instance, its snapshot, and what the plan must know. The target cluster is in aurora.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration.engine_versions import EngineVersion
from migration.errors import SnapshotNotReady, StateDrifted

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBInstanceTypeDef, TagTypeDef

TARGET_ENGINE = "aurora-postgresql"
SERVERLESS = "db.serverless"


def tag_list(tags: dict[str, str]) -> list[TagTypeDef]:
    """Tags in the form RDS takes."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]


class Rds:
    """Adapter around one RDS client."""

    def __init__(self, client: RDSClient) -> None:
        self._client = client

    def find_instance(self, instance_id: str) -> DBInstanceTypeDef | None:
        """The instance as RDS describes it, None when there is none."""
        try:
            return self._client.describe_db_instances(DBInstanceIdentifier=instance_id)["DBInstances"][0]
        except self._client.exceptions.DBInstanceNotFoundFault:
            return None

    def instance(self, instance_id: str) -> DBInstanceTypeDef:
        """Like `find_instance`. Raises StateDrifted when there is none."""
        found = self.find_instance(instance_id)
        if found is None:
            raise StateDrifted(f"The DB instance {instance_id} does not exist any more.")
        return found

    def own_tags(self, instance_id: str) -> dict[str, str]:
        """Tags somebody gave the instance; those of AWS (`aws:…`) cannot be copied."""
        tags = self.instance(instance_id).get("TagList", [])
        return {tag["Key"]: tag["Value"] for tag in tags if not tag["Key"].startswith("aws:")}

    def set_auto_minor_version_upgrade(self, instance_id: str, *, enabled: bool) -> None:
        """Switches minor version upgrades of an instance on or off, at once."""
        self._client.modify_db_instance(
            DBInstanceIdentifier=instance_id, AutoMinorVersionUpgrade=enabled, ApplyImmediately=True
        )

    def own_parameters(self, group: str) -> list[str]:
        """Names of the parameters somebody set in a DB parameter group."""
        pages = self._client.get_paginator("describe_db_parameters").paginate(DBParameterGroupName=group, Source="user")
        return sorted(item["ParameterName"] for page in pages for item in page["Parameters"])

    def serverless_versions(self) -> list[EngineVersion]:
        """Aurora PostgreSQL versions that run Serverless v2 and can be ordered as db.serverless here."""
        orderable = self._orderable_versions()
        pages = self._client.get_paginator("describe_db_engine_versions").paginate(Engine=TARGET_ENGINE)
        versions: list[EngineVersion] = []
        for item in (item for page in pages for item in page["DBEngineVersions"]):
            features = item.get("ServerlessV2FeaturesSupport", {})
            if features.get("MaxCapacity") and item["EngineVersion"] in orderable:
                versions.append(
                    EngineVersion(
                        item["EngineVersion"],
                        item["DBParameterGroupFamily"],
                        float(features.get("MinCapacity", 0.5)),
                        float(features["MaxCapacity"]),
                    )
                )
        return versions

    def _orderable_versions(self) -> set[str]:
        pages = self._client.get_paginator("describe_orderable_db_instance_options").paginate(
            Engine=TARGET_ENGINE, DBInstanceClass=SERVERLESS
        )
        return {item["EngineVersion"] for page in pages for item in page["OrderableDBInstanceOptions"]}

    def start_snapshot(self, snapshot_id: str, instance_id: str, tags: dict[str, str]) -> None:
        """Begins a snapshot of an instance; one under this name already is ours."""
        try:
            self._client.create_db_snapshot(
                DBSnapshotIdentifier=snapshot_id, DBInstanceIdentifier=instance_id, Tags=tag_list(tags)
            )
        except self._client.exceptions.DBSnapshotAlreadyExistsFault:
            return

    def snapshot_arn(self, snapshot_id: str) -> str:
        """ARN of an available snapshot. Raises SnapshotNotReady with the progress, StateDrifted when it failed."""
        try:
            snapshot = self._client.describe_db_snapshots(DBSnapshotIdentifier=snapshot_id)["DBSnapshots"][0]
        except self._client.exceptions.DBSnapshotNotFoundFault:
            raise StateDrifted(f"The snapshot {snapshot_id} does not exist any more.") from None
        status = snapshot["Status"]
        if status == "available":
            return snapshot["DBSnapshotArn"]
        if status in ("creating", "pending", "copying"):
            raise SnapshotNotReady(f"snapshot {snapshot_id}: {snapshot.get('PercentProgress', 0)} %")
        raise StateDrifted(f"The snapshot {snapshot_id} is {status}.")

    def delete_snapshot(self, snapshot_id: str) -> bool:
        """Deletes a DB snapshot; False while it is in a state that does not let it go yet."""
        try:
            self._client.delete_db_snapshot(DBSnapshotIdentifier=snapshot_id)
        except self._client.exceptions.DBSnapshotNotFoundFault:
            return True
        except self._client.exceptions.InvalidDBSnapshotStateFault:
            return False
        return True
