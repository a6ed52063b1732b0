"""AwaitSnapshot: returns when the snapshot is available."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin
from migration.names import Names
from migration.rds import Rds


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"snapshotArn"}. Raises SnapshotNotReady with the progress in percent."""
    plan = begin("AwaitSnapshot", event)
    return {"snapshotArn": Rds(clients.rds()).snapshot_arn(Names(plan).snapshot)}
