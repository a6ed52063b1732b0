"""The canary proves the way back before it is needed: a row goes source → target → source.

Out as a marker through the forward task, back in a table that only the canary's task carries.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable

from migration import markers
from migration.access import Session
from migration.errors import ReplicationNotReady

PREFIX = "canary/"
LEG_LIMIT_SECONDS = 20.0


def fly(
    source: Session,
    target: Session,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> float:
    """Seconds of the whole trip. Raises ReplicationNotReady when a leg takes longer than its limit."""
    began, name = clock(), PREFIX + uuid.uuid4().hex
    if markers.send_marker(source, target, name, LEG_LIMIT_SECONDS, clock, sleep).seconds is None:
        raise ReplicationNotReady("the canary has not arrived on the target yet")
    target.execute("INSERT INTO crossfade.canary (id) VALUES (:id)", id=name)
    landed = clock()
    while not source.value("SELECT EXISTS (SELECT FROM crossfade.canary WHERE id = :id)", id=name):
        if clock() - landed > LEG_LIMIT_SECONDS:
            raise ReplicationNotReady("the canary has not come back to the source yet")
        sleep(markers.POLL_SECONDS)
    return clock() - began


def clear(source: Session, target: Session) -> None:
    """No canary is left on either side; its task must be gone. Idempotent."""
    markers.delete_markers(source, PREFIX)
    for side in (source, target):
        side.execute("DELETE FROM crossfade.canary")
