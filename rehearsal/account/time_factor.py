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
_changed = threading.Condition()
_pace = float(os.environ.get("CROSSFADE_PACE", "1"))


def pace() -> float:
    """AWS seconds that pass in one real second; 60.0 means that a minute of AWS passes in a second."""
    return _pace


def set_pace(factor: float) -> None:
    """Change the factor; every sleep under way follows at once.

    Raises ValueError unless the factor is between 1 and 100,000.
    """
    global _pace
    if not 1 <= factor <= 100_000:
        msg = f"pace is {factor}: give a factor between 1 and 100000"
        raise ValueError(msg)
    with _changed:
        _pace = factor
        _changed.notify_all()


def scaled(seconds: float) -> float:
    """Real seconds in which `seconds` of AWS pass."""
    return seconds / _pace


def sleep(seconds: float) -> None:
    """Sleep `seconds` of AWS, following a pace that changes meanwhile."""
    wait_unless(threading.Event(), seconds)


def wait_unless(stop: threading.Event, seconds: float, tick_seconds: float = 0.05) -> bool:
    """Sleep `seconds` of AWS unless `stop` is set first (seen within `tick_seconds` real ones); True when it was."""
    remaining = seconds
    while remaining > 0 and not stop.is_set():
        started, rate = time.monotonic(), _pace
        with _changed:
            _changed.wait(min(remaining / rate, tick_seconds))
        remaining -= (time.monotonic() - started) * rate
    return stop.is_set()


def run_later(seconds: float, action: Callable[[], None]) -> None:
    """Run `action` in a daemon thread after `seconds` of AWS; what it raises is logged."""

    def run() -> None:
        sleep(seconds)
        try:
            action()
        except Exception:
            _log.exception("a delayed action failed")

    threading.Thread(target=run, daemon=True, name="crossfade-later").start()
