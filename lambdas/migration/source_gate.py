"""The gate of the switch back: one row on the source. SQL on a session of the source's administrator.

A roll back may be tried again, so the row carries the number of the attempt: it is closed for one attempt at a time,
and what is left of an earlier one cannot open it. Once open it stays open.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from migration import fence
from migration.access import Session
from migration.errors import SourceAlreadyOpen
from migration.gate import Gate
from migration.identifiers import text_literal
from migration.sequences import Sequence, as_values


@dataclass(frozen=True)
class SourceGate:
    """The row as one attempt sees it. To open it is also to lift the cut-over's fence from `database` and `roles`."""

    attempt: int
    database: str
    roles: list[str]

    def read(self, session: Session) -> Gate:
        """A row that is not made yet is closed; one that a later attempt has taken is sealed for this one."""
        rows = session.rows(_READ) if session.value("SELECT to_regclass('crossfade.gate')::text") else []
        attempt, state = (int(rows[0][0]), Gate(rows[0][1])) if rows else (0, Gate.CLOSED)
        if state is Gate.OPEN or attempt == self.attempt:
            return state
        return Gate.CLOSED if attempt < self.attempt else Gate.SEALED

    def open(self, session: Session, sequences: Iterable[Sequence]) -> None:
        """Gate, sequences and fence in one transaction and one round trip. Raises DatabaseRefused if not closed."""
        values = as_values(sequences)
        parts = [
            _OPEN.format(attempt=self.attempt),
            *([_CARRY.format(values=values)] if values else []),
            fence.lifting_statements(self.database, self.roles),
        ]
        session.execute(f"DO {text_literal('BEGIN ' + '; '.join(parts) + '; END')}")

    def seal(self, session: Session) -> None:
        """Also what another attempt may have left closed: whoever undoes must know that nobody opens any more."""
        session.execute(f"{_TABLE}; {_SEAL.format(attempt=self.attempt)}")
        if self.read(session) is Gate.OPEN:
            raise SourceAlreadyOpen("The source takes writes again already: the target must stay fenced.")


def make_source_gate(session: Session, attempt: int) -> None:
    """Closed for this attempt, unless it is open or a later attempt's. Idempotent."""
    session.execute(f"{_TABLE}; {_MAKE.format(attempt=attempt)}")


_TABLE = """
CREATE TABLE IF NOT EXISTS crossfade.gate (id int PRIMARY KEY DEFAULT 1 CHECK (id = 1), attempt int NOT NULL,
                                           state text NOT NULL CHECK (state IN ('closed', 'open', 'sealed')))
"""
_MAKE = """
INSERT INTO crossfade.gate AS gate (attempt, state) VALUES ({attempt}, 'closed')
ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, state = 'closed'
WHERE gate.attempt < excluded.attempt AND gate.state <> 'open'
"""
_READ = "SELECT attempt, state FROM crossfade.gate WHERE id = 1"
_SEAL = """
INSERT INTO crossfade.gate AS gate (attempt, state) VALUES ({attempt}, 'sealed')
ON CONFLICT (id) DO UPDATE SET attempt = greatest(gate.attempt, excluded.attempt), state = 'sealed'
WHERE gate.state <> 'open'
"""
_OPEN = """
UPDATE crossfade.gate SET state = 'open' WHERE id = 1 AND attempt = {attempt} AND state = 'closed';
IF NOT FOUND THEN RAISE EXCEPTION 'the gate of the source is not closed for attempt {attempt}'; END IF
"""
# Never back: the source may have given out more itself, if somebody called nextval behind the fence. What it has given
# out is NULL when that is nothing, which greatest and least pass over.
_CARRY = """
PERFORM setval(seqrelid, furthest, called OR coalesce(furthest = given, false))
FROM (VALUES {values}) AS carried (sequence, value, called) JOIN pg_sequence ON seqrelid = sequence,
     LATERAL (SELECT pg_sequence_last_value(seqrelid) AS given) AS source,
     LATERAL (SELECT CASE WHEN seqincrement > 0 THEN greatest(value, given)
                          ELSE least(value, given) END AS furthest) AS reached
"""
