"""Sequences are not replicated (AWS_RULES R3.3): read here on the fenced source, carried by gate.py as it opens."""

from __future__ import annotations

from dataclasses import dataclass

from migration.access import Session


@dataclass(frozen=True)
class Sequence:
    """A sequence and the last value it gave out (the last one cached by a session, if it has a cache)."""

    schema: str
    name: str
    last_value: int


def read_sequences(session: Session, first: str = "") -> list[Sequence]:
    """All sequences of the user that have given out a value. `first` is a statement to run in the same round trip."""
    return [Sequence(str(schema), str(name), int(value)) for schema, name, value in session.rows(first + _READ)]


_READ = """
SELECT schemaname, sequencename, last_value FROM pg_sequences
WHERE last_value IS NOT NULL AND schemaname NOT IN ('crossfade', 'pg_catalog', 'information_schema')
"""
