"""Threads that work at a steady rate until SIGTERM, or until nobody is left who could send it."""

import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from rehearsal.workload.journal import Figures
from rehearsal.workload.settings import WorkloadSettings

MAX_BACKLOG_SECONDS = 0.5
PARENT_CHECK_SECONDS = 1.0
Work = Callable[[threading.Event], None]


def ticks(per_second: float, stop: threading.Event) -> Iterator[int]:
    """Yields 1, 2, 3 … at the rate until `stop`; after a stall only half a second of missed ticks is made up for."""
    due, number = time.monotonic(), 0
    while not stop.wait(max(0.0, due - time.monotonic())):
        due = max(due + 1 / per_second, time.monotonic() - MAX_BACKLOG_SECONDS)
        number += 1
        yield number


def stop_event() -> threading.Event:
    """Set by SIGTERM, SIGINT, or the death of the process that started this one: a killed rehearsal leaves no load."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    parent = os.getppid()

    def watch_parent() -> None:
        while os.getppid() == parent and not stop.wait(PARENT_CHECK_SECONDS):
            pass
        stop.set()

    threading.Thread(target=watch_parent, daemon=True).start()
    return stop


def run_process(
    works: Callable[[WorkloadSettings, Figures], Sequence[Work]], settings: WorkloadSettings, figures_name: str
) -> None:
    """Runs each work in a thread until SIGTERM or SIGINT, then waits for what each is doing now to end."""
    stop, figures = stop_event(), Figures(Path(settings.directory) / figures_name)
    threads = start_threads(works(settings, figures), stop)
    figures.keep_saving(stop)
    for thread in threads:
        thread.join()
    figures.save()


def start_threads(works: Sequence[Work], stop: threading.Event) -> list[threading.Thread]:
    """Each work in a thread of its own, until `stop`."""
    threads = [threading.Thread(target=work, args=(stop,), daemon=True) for work in works]
    for thread in threads:
        thread.start()
    return threads
