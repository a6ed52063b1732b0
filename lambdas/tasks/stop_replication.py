"""StopReplication, a compensation: both DMS tasks and all they used are gone, and neither side holds a slot of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, replication_way
from migration.begin import begin_driven
from migration.completion import ReplicationRetirement
from migration.context import is_rolled_back
from migration.dms import Dms
from migration.ledger import Ledger
from migration.names import Names
from migration.scheduler import Schedules, schedule_settings
from migration.secrets import Secrets
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"droppedSlots"}. Raises RetirementPending while DMS still deletes something."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("StopReplication", event, ledger)
    if is_rolled_back(ledger, plan.migration_id):
        return {"droppedSlots": []}
    names, client = Names(plan), clients.dms()
    retirement = ReplicationRetirement(
        sides_of(plan, event),
        ledger,
        Schedules(clients.scheduler(), schedule_settings()),
        Secrets(clients.secretsmanager()),
        [Dms(client, names, way) for way in replication_way.all_ways(names)],
        is_target_kept="switchBack" in event,
    )
    return {"droppedSlots": retirement.run()}
