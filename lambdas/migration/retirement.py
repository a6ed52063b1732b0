"""The end of a migration: final snapshot of the source, the source protected, nothing of ours left on the target."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, NoReturn

from migration.access import Session
from migration.errors import RetirementPending, StateDrifted
from migration.identifiers import quoted
from migration.names import SCHEMA

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient

MIN_RETENTION_DAYS = 7


def retirement_date(cut_over_at: datetime, bake_days: int) -> datetime:
    """The source is kept at least 7 days after the cut-over, and as long as the bake."""
    return cut_over_at + timedelta(days=max(MIN_RETENTION_DAYS, bake_days))


class SourceRetirement:
    """Adapter around one RDS client, for the source at its end."""

    def __init__(self, client: RDSClient, instance_id: str, snapshot_id: str) -> None:
        self._client = client
        self._instance_id = instance_id
        self._snapshot_id = snapshot_id

    def protect(self) -> None:
        """Nobody deletes the source by accident. Raises RetirementPending while the instance is busy."""
        found = self._client.describe_db_instances(DBInstanceIdentifier=self._instance_id)["DBInstances"][0]
        if found.get("DeletionProtection"):
            return
        try:
            self._client.modify_db_instance(
                DBInstanceIdentifier=self._instance_id, DeletionProtection=True, ApplyImmediately=True
            )
        except self._client.exceptions.InvalidDBInstanceStateFault:
            raise RetirementPending(f"instance {self._instance_id} is {found['DBInstanceStatus']}") from None

    def take_final_snapshot(self, tags: dict[str, str]) -> str:
        """ARN of the final snapshot. Raises RetirementPending while it is taken, StateDrifted when it failed."""
        try:
            found = self._client.describe_db_snapshots(DBSnapshotIdentifier=self._snapshot_id)["DBSnapshots"][0]
        except self._client.exceptions.DBSnapshotNotFoundFault:
            return self._begin_final_snapshot(tags)
        status = found["Status"]
        if status == "available":
            return found["DBSnapshotArn"]
        if status in ("creating", "pending"):
            raise RetirementPending(f"final snapshot {self._snapshot_id}: {found.get('PercentProgress', 0)} %")
        raise StateDrifted(f"The final snapshot {self._snapshot_id} is {status}.")

    def _begin_final_snapshot(self, tags: dict[str, str]) -> NoReturn:
        try:
            self._client.create_db_snapshot(
                DBSnapshotIdentifier=self._snapshot_id,
                DBInstanceIdentifier=self._instance_id,
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )
        except self._client.exceptions.InvalidDBInstanceStateFault:
            raise RetirementPending(f"instance {self._instance_id} is busy; its final snapshot waits") from None
        raise RetirementPending(f"final snapshot {self._snapshot_id} has begun")


def clean_target(target: Session, replication_role: str) -> None:
    """Drops our schema with gate and guards, and the role DMS wrote with. Idempotent."""
    target.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    if target.value("SELECT true FROM pg_roles WHERE rolname = :role", role=replication_role):
        # Whoever made a role administers it, but has its privileges only as a member (PostgreSQL 16 and later).
        target.execute(f"GRANT {quoted(replication_role)} TO CURRENT_USER")
        target.execute(f"DROP OWNED BY {quoted(replication_role)}")
        target.execute(f"DROP ROLE {quoted(replication_role)}")
