"""Sequences are not replicated (AWS_RULES R3.3): their values are carried while the source is fenced."""

from __future__ import annotations

from dataclasses import dataclass

from migration.access import Session
from migration.identifiers import qualified, text_literal


@dataclass(frozen=True)
class Sequence:
    """A sequence and the last value it gave out (the last one cached by a session, if it has a cache)."""

    schema: str
    name: str
    last_value: int


def read_sequences(session: Session) -> list[Sequence]:
    """All sequences of the user that have given out a value."""
    return [Sequence(str(schema), str(name), int(value)) for schema, name, value in session.rows(_READ)]


def carry_sequences(session: Session, sequences: list[Sequence]) -> None:
    """The target's sequences go on where the source's stopped; one round trip. Idempotent."""
    if sequences:
        calls = [f"setval({text_literal(qualified(s.schema, s.name))}, {s.last_value})" for s in sequences]
        # A row has at most 1664 columns, so the calls stand in rows.
        session.execute(f"SELECT * FROM (VALUES {', '.join(f'({call})' for call in calls)}) AS carried")  # noqa: S608


_READ = """
SELECT schemaname, sequencename, last_value FROM pg_sequences
WHERE last_value IS NOT NULL AND schemaname NOT IN ('crossfade', 'pg_catalog', 'information_schema')
"""
