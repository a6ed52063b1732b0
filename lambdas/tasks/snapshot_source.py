"""SnapshotSource: starts a snapshot of the source under this migration's name."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_forward
from migration.ledger import Ledger
from migration.names import Names
from migration.rds import Rds


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"snapshotId"}."""
    plan = begin_forward("SnapshotSource", event, Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]))
    names = Names(plan)
    Rds(clients.rds()).start_snapshot(names.snapshot, plan.source.settings.instance_id, names.tags)
    return {"snapshotId": names.snapshot}
