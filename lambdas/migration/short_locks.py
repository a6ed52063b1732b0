"""DDL on tables in use, without ever making the application wait for long."""

from __future__ import annotations

import time
from collections.abc import Callable

from migration.access import Session
from migration.errors import Throttled

LOCK_TIMEOUT_MS = 100
ATTEMPTS = 100
PAUSE_SECONDS = 0.2


def with_short_locks(
    session: Session,
    change: Callable[[], None],
    sleep: Callable[[float], None] = time.sleep,
    attempts: int = ATTEMPTS,
) -> None:
    """Runs an idempotent change until it gets its locks.

    Each needs a lock that nobody else holds, and whoever comes later queues behind a waiting one: so it waits briefly,
    gives way and tries again. Raises Throttled when a table stays busy.
    """
    session.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    for _ in range(attempts - 1):
        try:
            change()
        except Throttled:
            sleep(PAUSE_SECONDS)
        else:
            return
    change()
