"""The replication slot on the target from which the way back reads. SQL on a session of the target's administrator.

The slot is ours, not DMS's: it must exist, and its position be known, before the first application write on the target.
"""

from __future__ import annotations

import time

from migration.access import Session
from migration.errors import RetirementPending

PLUGIN = "test_decoding"  # DMS reads with it or with pglogical (DMS User Guide, "PostgreSQL as a source")
END_READER_SECONDS = 3.0
POLL_SECONDS = 0.02


def make(session: Session, slot: str) -> str:
    """Makes the slot, in place of one of the same name; the position from which it gives out every change.

    PostgreSQL waits for transactions that are already writing, at most the session's statement timeout.
    """
    drop(session, slot)
    return str(
        session.value(
            "SELECT lsn::text FROM pg_create_logical_replication_slot(:slot, :plugin)", slot=slot, plugin=PLUGIN
        )
    )


def drop(session: Session, slot: str) -> None:
    """Drops the slot, none is fine. Ends whoever reads from it; raises RetirementPending when that takes too long."""
    deadline = time.monotonic() + END_READER_SECONDS
    while session.rows(_END_READER, slot=slot):
        if time.monotonic() > deadline:
            raise RetirementPending(f"the replication slot {slot} on the target is still being read")
        time.sleep(POLL_SECONDS)
    session.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :slot", slot=slot
    )


def position(session: Session, slot: str) -> str | None:
    """Up to where the reader has confirmed (`0/1A2B3C8`), None when there is no such slot."""
    found = session.value(
        "SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = :slot", slot=slot
    )
    return None if found is None else str(found)


_END_READER = """
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = :slot AND active
"""
