"""What a rehearsal has asked to go wrong in the emulated RDS (rehearsal/account/faults.py, kind `event`)."""

from __future__ import annotations

from rehearsal.account import faults
from rehearsal.account.rds.fleet import Fleet

# Longer than the product waits for a cluster, so that it gives up first; then the creation ends well after all.
HANG_SECONDS = 60_000.0
FAILOVER_HANG_SECONDS = 5_000.0
# RDS and Aurora User Guides, "Viewing DB instance status" and "Viewing DB cluster status".
FAILED_CLUSTER, FAILED_INSTANCE = "migration-failed", "incompatible-network"
DELETABLE_FAILURES = (FAILED_CLUSTER, FAILED_INSTANCE, "incompatible-restore", "incompatible-parameters", "failed")


def failed_creation(identifier: str, status: str) -> str | None:
    """The status in which the creation of a cluster or instance ends badly (`status` unless the rule has its own)."""
    fault = faults.take("cluster-creation-fails", identifier)
    return None if fault is None else str(fault.get("status", status))


def hang_creation(fleet: Fleet, identifier: str) -> None:
    """Wait, when a rule says so, in status `creating`."""
    _hang(fleet, "cluster-creation-hangs", identifier, HANG_SECONDS)


def hang_failover(fleet: Fleet, cluster: str) -> None:
    """Wait, when a rule says so, with the cluster's writer away."""
    _hang(fleet, "failover-hangs", cluster, FAILOVER_HANG_SECONDS)


def snapshot_fails(identifier: str) -> bool:
    """Whether the snapshot is to end in status `failed`."""
    return faults.take("snapshot-fails", identifier) is not None


def _hang(fleet: Fleet, name: str, identifier: str, seconds: float) -> None:
    fault = faults.take(name, identifier)
    if fault is not None:
        fleet.platform.sleep(float(fault.get("hang_seconds", seconds)))
