"""The end of every way that leaves the source as the writer: records, source and claim are as they were found."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration import fence, source_preparation
from migration.access import Session
from migration.ledger import Ledger
from migration.names import Names
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.sides import Sides


@dataclass(frozen=True)
class SourceRestoring:
    """Undoes PrepareSource from what the ledger remembers of it. Every part is idempotent."""

    sides: Sides
    ledger: Ledger
    records: DnsRecords
    rds: Rds

    def restore_records(self) -> None:
        """The names are simple records again."""
        self.records.restore_simple(self._preparation().get("originalRecords", {}))

    def restore_source(self) -> None:
        """Nothing of ours is left in the database, and minor version upgrades are as they were."""
        plan = self.sides.plan
        with self.sides.source_admin() as session:
            self.lift_late_fence(session)
            source_preparation.undo(session, Names(plan).replication_role)
        if self._preparation().get("autoMinorVersionUpgrade"):
            self.rds.set_auto_minor_version_upgrade(plan.source.settings.instance_id, enabled=True)

    def lift_late_fence(self, source: Session) -> None:
        """Once more at the end: a run that woke up late may have raised it after the compensation, and died."""
        plan = self.sides.plan
        if "fence" in self.ledger.read(plan.migration_id):
            fence.lift_fence(source, plan.source.settings.database_name, plan.source.application_roles)

    def release(self) -> None:
        """Another migration of this source may begin."""
        plan = self.sides.plan
        self.ledger.update(plan.migration_id, {"stage": "RolledBack"})
        self.ledger.release(plan.source.name, plan.migration_id)

    def _preparation(self) -> Mapping[str, Any]:
        preparation: dict[str, Any] = self.ledger.read(self.sides.plan.migration_id).get("preparation", {})
        return preparation
