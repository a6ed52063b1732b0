"""StopReplication, a compensation: the DMS task and all it used are gone, and the source holds no slot of ours."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, source_preparation
from migration.begin import begin
from migration.dms import Dms
from migration.errors import RetirementPending
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.names import Names
from migration.secrets import Secrets
from migration.sides import Sides, sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"droppedSlots"}. Raises RetirementPending while DMS still deletes something."""
    plan = begin("StopReplication", event)
    names, dms, secrets = Names(plan), Dms(clients.dms(), Names(plan)), Secrets(clients.secretsmanager())
    sides = sides_of(plan, event)
    slots = _remember_slots(plan, sides)
    dms.delete_task()
    with sides.source_admin() as source:
        kept = source_preparation.drop_slots(source, slots)
    if kept:
        raise RetirementPending(f"replication slots on the source are still being read: {', '.join(kept)}")
    dms.delete_rest()
    for secret in (names.source_secret, names.target_secret):
        secrets.delete(secret)
    return {"droppedSlots": slots}


def _remember_slots(plan: MigrationPlan, sides: Sides) -> list[str]:
    """Slots seen before and those read now: once the task has stopped, nobody can tell whose a slot is."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    known: list[str] = ledger.read(plan.migration_id).get("slots", [])
    with sides.source_admin() as source:
        slots = sorted({*known, *source_preparation.slots_read_by(source, Names(plan).replication_role)})
    if slots != known:
        ledger.update(plan.migration_id, {"slots": slots})
    return slots
