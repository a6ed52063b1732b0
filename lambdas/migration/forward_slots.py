"""Which replication slots on the source are DMS's: it names them itself, and who reads one shows only while it does."""

from __future__ import annotations

from migration import source_preparation
from migration.access import Session
from migration.ledger import Ledger
from migration.names import Names


def remember(ledger: Ledger, names: Names, source: Session) -> list[str]:
    """Slots seen before and those read now: once the task has stopped, nobody can tell whose a slot is."""
    migration_id = names.plan.migration_id
    known: list[str] = ledger.read(migration_id).get("slots", [])
    slots = sorted({*known, *source_preparation.slots_read_by(source, names.replication_role)})
    if slots != known:
        ledger.update(migration_id, {"slots": slots})
    return slots
