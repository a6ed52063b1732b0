"""The replication slot on the target from which the way back reads. SQL on a session of the target's administrator.

The slot is ours, not DMS's: it must exist, and its position be known, before the first application write on the target.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from migration.access import Session
from migration.errors import RetirementPending
from migration.identifiers import text_literal

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
    drop_unread(session, slot)


def drop_unread(session: Session, slot: str) -> None:
    """Drops a slot that nobody can be reading yet; none is fine."""
    session.execute(
        "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :slot", slot=slot
    )


def make_once(session: Session, slot: str) -> str:
    """Like `make`, but one that exists stays, and in one round trip: for the stall.

    A cut-over that goes on after a death finds its own slot, as good as a new one since both sides are still closed;
    one that is late must not replace the slot of a target that is open.
    """
    return str(session.rows(_MAKE_ONCE.format(slot=text_literal(slot), plugin=text_literal(PLUGIN)))[-1][0])


@dataclass(frozen=True)
class SlotHealth:
    """`confirmed` as in `position`. `is_lost`: the server has thrown away log that the reader needs."""

    confirmed: str
    is_lost: bool
    behind_bytes: int


def health(session: Session, slot: str) -> SlotHealth | None:
    """How far its reader is, None when there is no such slot."""
    rows = session.rows(_HEALTH, slot=slot)
    return SlotHealth(str(rows[0][0]), bool(rows[0][1]), int(rows[0][2])) if rows else None


def position(session: Session, slot: str) -> str | None:
    """Up to where the reader has confirmed (`0/1A2B3C8`), None when there is no such slot."""
    found = health(session, slot)
    return found.confirmed if found else None


_HEALTH = """
SELECT confirmed_flush_lsn::text, coalesce(wal_status = 'lost', false),
       pg_wal_lsn_diff(pg_current_wal_lsn(), confirmed_flush_lsn)
FROM pg_replication_slots WHERE slot_name = :slot
"""
_MAKE_ONCE = """
SELECT pg_create_logical_replication_slot({slot}, {plugin})::text
WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = {slot});
SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = {slot}
"""
_END_READER = """
SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = :slot AND active
"""
