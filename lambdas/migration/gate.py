"""The gate: one row on the side that opens, which says whether the writer has moved. SQL on a session of that side.

Opening and sealing are compare-and-set, so of two Lambda functions that run at once only one wins. Here is the target's
gate, for the cut-over: guards on every user table refuse application writes unless it says `open`. The source's gate,
for the switch back, is in source_gate.py.
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum
from typing import Protocol

from migration.access import Session
from migration.errors import StateDrifted, TargetAlreadyOpen
from migration.sequences import Sequence, as_values


class Gate(Enum):
    """`CLOSED` may open or be sealed; the other two are for ever."""

    CLOSED = "closed"
    OPEN = "open"
    SEALED = "sealed"


class WriterGate(Protocol):
    """What the cut-over needs of a gate, whichever side it is on."""

    def read(self, session: Session) -> Gate:
        """Raises StateDrifted when somebody removed it."""

    def open(self, session: Session, sequences: Iterable[Sequence]) -> None:
        """The side takes application writes and gives out keys where the other stopped, all or nothing.

        Raises StateDrifted when the gate is not closed.
        """

    def seal(self, session: Session) -> None:
        """The side will not open any more. Idempotent. Raises TargetAlreadyOpen or SourceAlreadyOpen if it is open."""


class TargetGate:
    """Row 1 of crossfade.gate on the target; StartReplication makes it, closed."""

    def read(self, session: Session) -> Gate:
        """Raises StateDrifted when there is none: the target was never closed."""
        state = None
        if session.value("SELECT to_regclass('crossfade.gate')::text"):
            state = session.value("SELECT state FROM crossfade.gate WHERE id = 1")
        if state is None:
            raise StateDrifted("The target has no row in crossfade.gate; somebody removed it.")
        return Gate(state)

    def open(self, session: Session, sequences: Iterable[Sequence]) -> None:
        """One statement: a run that was late must not set back the sequences of a target that is in use already."""
        values = as_values(sequences)
        if session.value(_OPEN.format(values=values) if values else _OPEN_WITHOUT_SEQUENCES) is None:
            raise StateDrifted(f"The gate of the target is {self.read(session).value}, so it cannot be opened.")

    def seal(self, session: Session) -> None:
        """For ever: a target once sealed is discarded."""
        sealed = session.value(
            "UPDATE crossfade.gate SET state = 'sealed' WHERE id = 1 AND state <> 'open' RETURNING 1"
        )
        if sealed is None and self.read(session) is Gate.OPEN:
            raise TargetAlreadyOpen("The target takes writes already: the source must stay fenced.")


_OPEN = """
WITH closed AS MATERIALIZED (SELECT id FROM crossfade.gate WHERE id = 1 AND state = 'closed' FOR UPDATE),
     carried AS MATERIALIZED (SELECT setval(sequence, value, called)
                              FROM closed, (VALUES {values}) AS s (sequence, value, called))
UPDATE crossfade.gate SET state = 'open'
WHERE id IN (SELECT id FROM closed) AND (SELECT count(*) FROM carried) > 0 RETURNING 1
"""
_OPEN_WITHOUT_SEQUENCES = """
UPDATE crossfade.gate SET state = 'open' WHERE id = 1 AND state = 'closed' RETURNING 1
"""
