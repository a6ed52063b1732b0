"""Which replication slots on the source are DMS's: it names them itself, and who reads one shows only while it does."""

from __future__ import annotations

from migration import source_preparation
from migration.access import Session
from migration.dms import Dms
from migration.ledger import Ledger
from migration.names import Names

NAMED_BY = 16  # characters of the task's resource id with which DMS begins the names of its slots


def remember(ledger: Ledger, names: Names, source: Session, forward: Dms) -> list[str]:
    """Slots seen before, those read now, those named after the task: once it is gone, nobody can tell whose they are.

    A slot is made before the full load and may be read only after it.
    """
    migration_id = names.plan.migration_id
    known: list[str] = ledger.read(migration_id).get("slots", [])
    slots = sorted(
        {*known, *source_preparation.slots_read_by(source, names.replication_role), *_named(source, forward)}
    )
    if slots != known:
        ledger.update(migration_id, {"slots": slots})
    return slots


def _named(source: Session, forward: Dms) -> list[str]:
    task = forward.find_task()
    if task is None:
        return []
    resource_id = forward.replication(task).task_resource_id.lower().replace("-", "_")
    return source_preparation.slots_named(source, resource_id[:NAMED_BY] + "_")
