"""The clock of heartbeats: AWS time in which no function of a schedule is at work.

Heartbeats come from schedules. Work is real: at a pace of 800 a function that takes ten seconds on a busy machine would
use up two hours of waiting, in which AWS delivers 120 firings.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rehearsal.account.time_factor import aws_monotonic

_lock = threading.Lock()
_at_work = 0
_since = _worked = 0.0


@contextmanager
def at_work() -> Iterator[None]:
    """The clock stands still."""
    global _at_work, _since, _worked
    with _lock:
        if _at_work == 0:
            _since = aws_monotonic()
        _at_work += 1
    try:
        yield
    finally:
        with _lock:
            _at_work -= 1
            if _at_work == 0:
                _worked += aws_monotonic() - _since


def heartbeat_clock() -> float:
    """AWS seconds."""
    with _lock:
        now = aws_monotonic()
        return now - _worked - (now - _since if _at_work else 0.0)
