"""AwaitReplication: returns when every table is loaded, lag is low by metric, and a marker went through."""

from __future__ import annotations

import os
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients, markers, replication_progress, source_preparation
from migration.begin import begin_forward
from migration.dms import Dms
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.names import Names
from migration.sides import Sides, sides_of

MARKER_LIMIT_SECONDS = 30.0
MARKER_PREFIX = "await-replication/"


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"tables", "lagSeconds", "markerSeconds"}.

    Raises ReplicaLagging with the progress, StateDrifted when the task or a table failed.
    """
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("AwaitReplication", event, ledger)
    dms = Dms(clients.dms(), Names(plan))
    task = dms.running_task()
    replication = dms.replication(task)
    tables = replication_progress.require_loaded(
        task.get("ReplicationTaskStats", {}), dms.table_statistics(replication.task_arn)
    )
    lag = Metrics(clients.cloudwatch()).lag_seconds(
        replication.replication_instance_id, replication.task_resource_id, datetime.now(UTC)
    )
    lag_seconds = replication_progress.require_low_lag(lag, plan.options.max_lag_seconds)
    seconds = _send_marker(sides_of(plan, event), ledger)
    return {"tables": tables, "lagSeconds": lag_seconds, "markerSeconds": round(seconds, 3)}


def _send_marker(sides: Sides, ledger: Ledger) -> float:
    plan = sides.plan
    limit = min(float(plan.options.max_lag_seconds), MARKER_LIMIT_SECONDS)
    with sides.source_admin() as source, sides.target_admin() as target:
        # Which slot DMS made is only visible while it reads from it; StopReplication drops what DMS leaves behind.
        slots = source_preparation.slots_read_by(source, Names(plan).replication_role)
        ledger.update(plan.migration_id, {"slots": slots})
        markers.delete_markers(source, MARKER_PREFIX)
        passage = markers.send_marker(source, target, MARKER_PREFIX + uuid.uuid4().hex, limit)
    return replication_progress.require_passage(passage, limit)
