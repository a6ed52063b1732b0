"""The gate: one row on the target that says whether the cut-over has happened. SQL on a session of the target.

Guards on every user table refuse application writes unless it says `open`. Opening and sealing are compare-and-set, so
of two Lambda functions that run at once only one wins, and a sealed gate never opens again.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from migration.access import Session
from migration.errors import StateDrifted, TargetAlreadyOpen
from migration.identifiers import qualified, text_literal
from migration.sequences import Sequence


class Gate(Enum):
    """`CLOSED` may open or be sealed; the other two are for ever."""

    CLOSED = "closed"
    OPEN = "open"
    SEALED = "sealed"


def read_gate(session: Session) -> Gate:
    """Raises StateDrifted when there is no gate: the target was never closed."""
    state = None
    if session.value("SELECT to_regclass('crossfade.gate')::text"):
        state = session.value("SELECT state FROM crossfade.gate WHERE id = 1")
    if state is None:
        raise StateDrifted("The target has no row in crossfade.gate; somebody removed it.")
    return Gate(state)


def open_gate(session: Session, sequences: Iterable[Sequence]) -> str:
    """The target takes application writes from now on, and its sequences go on where the source's stopped.

    One statement: a run that was late must not set back the sequences of a target that is in use already.
    Returns the target's write-ahead log position, for information (AWS_RULES R2.2). Raises StateDrifted when the gate
    is not closed.
    """
    values = ", ".join(f"({text_literal(qualified(s.schema, s.name))}, {s.last_value})" for s in sequences)
    position = session.value(_OPEN.format(values=values) if values else _OPEN_WITHOUT_SEQUENCES)
    if position is None:
        raise StateDrifted(f"The gate of the target is {read_gate(session).value}, so it cannot be opened.")
    return str(position)


def seal_gate(session: Session) -> None:
    """The target will never take application writes. Idempotent. Raises TargetAlreadyOpen when it takes them now."""
    sealed = session.value("UPDATE crossfade.gate SET state = 'sealed' WHERE id = 1 AND state <> 'open' RETURNING 1")
    if sealed is None and read_gate(session) is Gate.OPEN:
        raise TargetAlreadyOpen("The target takes writes already: the source must stay fenced.")


_OPEN = """
WITH closed AS MATERIALIZED (SELECT id FROM crossfade.gate WHERE id = 1 AND state = 'closed' FOR UPDATE),
     carried AS MATERIALIZED (SELECT setval(name::regclass, value) FROM closed, (VALUES {values}) AS s (name, value))
UPDATE crossfade.gate SET state = 'open'
WHERE id IN (SELECT id FROM closed) AND (SELECT count(*) FROM carried) > 0 RETURNING pg_current_wal_lsn()::text
"""
_OPEN_WITHOUT_SEQUENCES = """
UPDATE crossfade.gate SET state = 'open' WHERE id = 1 AND state = 'closed' RETURNING pg_current_wal_lsn()::text
"""
