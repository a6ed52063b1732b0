"""Names of everything a migration makes. They derive from the migration id, so a retry finds its own work."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from migration.model import MigrationPlan

MIGRATION_TAG = "crossfade:migrationId"
SOURCE_TAG = "crossfade:source"
SCHEMA = "crossfade"


def takeover_name(migration_id: str, execution_arn: str, stopped_at: datetime) -> str:
    """Name of the execution that takes over from one that ended: the same for everybody who starts it."""
    # As in the status-change event: milliseconds. A redriven execution may end more than once.
    end = f"{execution_arn}{stopped_at.timestamp() * 1000:.0f}"
    return f"undo-{migration_id}-{hashlib.sha256(end.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class Names:
    """Identifiers of one migration's resources; all lower case, no double hyphens (RDS and DMS naming rules)."""

    plan: MigrationPlan

    @property
    def snapshot(self) -> str:
        """DB snapshot of the source."""
        return self.plan.resource_prefix

    @property
    def cluster(self) -> str:
        """The Aurora cluster."""
        return self.plan.target.cluster_id

    @property
    def instances(self) -> tuple[str, str]:
        """First writer, first reader. Numbered, because a failover exchanges their roles."""
        return f"{self.cluster}-1", f"{self.cluster}-2"

    @property
    def parameter_group(self) -> str:
        """Cluster parameter group with logical replication on."""
        return self.plan.resource_prefix

    @property
    def replication_instance(self) -> str:
        """DMS replication instance, and the subnet group it lives in."""
        return self.plan.resource_prefix

    @property
    def replication_subnet_group(self) -> str:
        """DMS subnet group."""
        return self.plan.resource_prefix

    @property
    def source_endpoint(self) -> str:
        """DMS endpoint that reads."""
        return f"{self.plan.resource_prefix}-source"

    @property
    def target_endpoint(self) -> str:
        """DMS endpoint that writes."""
        return f"{self.plan.resource_prefix}-target"

    @property
    def replication_task(self) -> str:
        """DMS task source → target."""
        return self.plan.resource_prefix

    @property
    def reverse_source_endpoint(self) -> str:
        """DMS endpoint that reads the target."""
        return f"{self.plan.resource_prefix}-reverse-source"

    @property
    def reverse_target_endpoint(self) -> str:
        """DMS endpoint that writes the source."""
        return f"{self.plan.resource_prefix}-reverse-target"

    @property
    def reverse_task(self) -> str:
        """DMS task target → source."""
        return f"{self.plan.resource_prefix}-reverse"

    @property
    def canary_task(self) -> str:
        """Short-lived DMS task target → source of the canary table only."""
        return f"{self.plan.resource_prefix}-canary"

    @property
    def reverse_slot(self) -> str:
        """Replication slot on the target that the canary task, later the reverse task, reads from."""
        return f"crossfade_reverse_{self.plan.migration_id[-8:]}"

    @property
    def source_secret(self) -> str:
        """Secret of the source endpoint."""
        return f"crossfade/{self.plan.migration_id}/source"

    @property
    def target_secret(self) -> str:
        """Secret of the target endpoint."""
        return f"crossfade/{self.plan.migration_id}/target"

    @property
    def replication_role(self) -> str:
        """Database role that DMS logs in as, on both sides: `crossfade_dms_1f0c9a2b`."""
        return f"crossfade_dms_{self.plan.migration_id[-8:]}"

    @property
    def tags(self) -> dict[str, str]:
        """Tags of every resource we make."""
        return {MIGRATION_TAG: self.plan.migration_id, SOURCE_TAG: self.plan.source.name}
