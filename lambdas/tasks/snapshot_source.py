"""SnapshotSource: starts a snapshot of the source under this migration's name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin
from migration.names import Names
from migration.rds import Rds


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"snapshotId"}."""
    plan = begin("SnapshotSource", event)
    names = Names(plan)
    Rds(clients.rds()).start_snapshot(names.snapshot, plan.source.settings.instance_id, names.tags)
    return {"snapshotId": names.snapshot}
