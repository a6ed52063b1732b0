"""After a switch back nobody may go on reading from a target that gets no more writes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from migration import fence
from migration.access import Session
from migration.errors import Throttled
from migration.logs import logger
from migration.sides import Sides

POLL_SECONDS = 0.1
LIMIT_SECONDS = 10.0


def end_reader_sessions(sides: Sides) -> int:
    """The application has no session on the target's reader any more; how many were ended.

    New ones are refused: the fence is the whole cluster's. A reader out of reach serves nobody.
    """
    try:
        reader = sides.reader_admin()
    except Throttled as error:
        logger.warning("the reader of the target was not asked to end its sessions: %s", error)
        return 0
    with reader:
        return end_sessions(reader, sides.plan.source.application_roles)


def end_sessions(session: Session, roles: Sequence[str], sleep: Callable[[float], None] = time.sleep) -> int:
    """Ends all sessions of `roles`. Raises Throttled when one does not end."""
    deadline, found = time.monotonic() + LIMIT_SECONDS, fence.application_sessions(session, roles)
    while fence.application_sessions(session, roles):
        if time.monotonic() > deadline:
            raise Throttled("the application's sessions on the target's reader do not end")
        session.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = ANY(:r)", r=list(roles))
        sleep(POLL_SECONDS)
    return found
