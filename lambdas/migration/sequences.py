"""Sequences are not replicated (AWS_RULES R3.3): read here on the fenced source, carried by gate.py as it opens."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from migration.access import Session
from migration.identifiers import qualified, text_literal


@dataclass(frozen=True)
class Sequence:
    """A sequence and the last value it gave out (the last one cached by a session, if it has a cache).

    One that is not `is_called` gives out `last_value` next: it is new, or somebody set it so.
    """

    schema: str
    name: str
    last_value: int
    is_called: bool = True


def read_sequences(session: Session, first: str = "") -> list[Sequence]:
    """All sequences of the user. `first` is a statement to run in the same round trip."""
    rows = session.rows(first + _READ)
    return [Sequence(str(schema), str(name), int(value), bool(called)) for schema, name, value, called in rows]


def as_values(sequences: Iterable[Sequence]) -> str:
    """Rows (sequence, value, called) of a VALUES list, "" without sequences.

    A sequence that is missing is an error if numbers were taken from it, else NULL.
    """
    return ", ".join(f"({_found(s)}, {s.last_value}, {str(s.is_called).lower()})" for s in sequences)


def _found(sequence: Sequence) -> str:
    name = text_literal(qualified(sequence.schema, sequence.name))
    return f"{name}::regclass" if sequence.is_called else f"to_regclass({name})"


# The view tells nothing of a sequence that is not called, as after setval(…, false) or TRUNCATE … RESTART IDENTITY.
# Only the sequence itself does, and query_to_xml reads it by its name without a second round trip.
_READ = """
SELECT schemaname, sequencename, coalesce(last_value, substring(query_to_xml(
           format('SELECT last_value FROM %I.%I', schemaname, sequencename), false, true, '')::text
           FROM '<last_value>(-?[0-9]+)</last_value>')::bigint), last_value IS NOT NULL
FROM pg_sequences WHERE schemaname NOT IN ('crossfade', 'pg_catalog', 'information_schema')
"""
