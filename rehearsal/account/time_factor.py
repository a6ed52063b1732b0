"""The one time factor of the account: AWS seconds pass `pace()` times faster than real ones.

Waits, retries, heartbeats, schedules, status changes and metric windows are divided by it; the work itself (a Lambda
running, a database copying) never is.
"""

import logging
import os
import threading
import time
from collections.abc import Callable

_log = logging.getLogger("crossfade.time")
_lock = threading.Lock()
_pace = float(os.environ.get("CROSSFADE_PACE", "1"))
_since = time.monotonic()
_passed = 0.0
_LONGEST_NAP_SECONDS = 0.25


def pace() -> float:
    """AWS seconds that pass in one real second; 60.0 means that a minute of AWS passes in a second."""
    return _pace


def set_pace(factor: float) -> None:
    """Change the factor; every wait under way follows.

    Raises ValueError unless the factor is between 1 and 100,000.
    """
    global _pace, _since, _passed
    if not 1 <= factor <= 100_000:
        msg = f"pace is {factor}: give a factor between 1 and 100000"
        raise ValueError(msg)
    with _lock:
        now = time.monotonic()
        _passed, _since, _pace = _passed + (now - _since) * _pace, now, factor


def aws_monotonic() -> float:
    """Seconds of AWS time since the account started: what every deadline is measured with."""
    with _lock:
        return _passed + (time.monotonic() - _since) * _pace


def scaled(seconds: float) -> float:
    """Real seconds in which `seconds` of AWS pass at the present pace."""
    return seconds / _pace


def sleep(seconds: float) -> None:
    """Sleep `seconds` of AWS, following a pace that changes meanwhile."""
    wait(threading.Event(), seconds)


def wait(event: threading.Event, seconds: float) -> bool:
    """Wait until the event is set, `seconds` of AWS at most; whether it was set."""
    until = aws_monotonic() + seconds
    while (left := until - aws_monotonic()) > 0:
        if event.wait(min(scaled(left), _LONGEST_NAP_SECONDS)):
            return True
    return event.is_set()


def run_later(seconds: float, action: Callable[[], None]) -> None:
    """Run `action` in a daemon thread after `seconds` of AWS; what it raises is logged."""

    def run() -> None:
        sleep(seconds)
        try:
            action()
        except Exception:
            _log.exception("a delayed action failed")

    threading.Thread(target=run, daemon=True, name="crossfade-later").start()
