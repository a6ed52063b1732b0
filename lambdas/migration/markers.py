"""Markers prove replication: a row written on the source and read on the target (AWS_RULES R3.4)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from migration.access import Session

POLL_SECONDS = 0.02


@dataclass(frozen=True)
class Passage:
    """How long a marker took, in seconds; None when it was not seen within the limit."""

    seconds: float | None


def write_marker(source: Session, marker_id: str) -> None:
    """Commits the row; repeating it moves its time."""
    source.execute(
        "INSERT INTO crossfade.marker (id) VALUES (:id) ON CONFLICT (id) DO UPDATE SET at = clock_timestamp()",
        id=marker_id,
    )


def has_arrived(target: Session, marker_id: str) -> bool:
    """Whether the target has the row."""
    return bool(target.value("SELECT EXISTS (SELECT FROM crossfade.marker WHERE id = :id)", id=marker_id))


def send_marker(
    source: Session,
    target: Session,
    marker_id: str,
    limit_seconds: float,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> Passage:
    """Writes a marker of this (new) id and looks for it on the target until `limit_seconds` have passed."""
    began = clock()
    write_marker(source, marker_id)
    while not has_arrived(target, marker_id):
        if clock() - began > limit_seconds:
            return Passage(None)
        sleep(POLL_SECONDS)
    return Passage(clock() - began)


def delete_markers(source: Session, prefix: str, older_than_seconds: int = 0) -> None:
    """Forgets markers whose id starts with `prefix`; replication carries that too.

    Whoever may run twice at once gives an age: a marker that the other one waits for must stay.
    """
    source.execute(
        "DELETE FROM crossfade.marker WHERE starts_with(id, :prefix)"
        " AND at <= clock_timestamp() - make_interval(secs => :age)",
        prefix=prefix,
        age=older_than_seconds,
    )
