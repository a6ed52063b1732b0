"""AwaitSnapshot: returns when the snapshot is available."""

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
    """Returns {"snapshotArn"}. Raises SnapshotNotReady with the progress in percent."""
    plan = begin_forward("AwaitSnapshot", event, Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]))
    return {"snapshotArn": Rds(clients.rds()).snapshot_arn(Names(plan).snapshot)}
