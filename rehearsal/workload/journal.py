"""What a process of the workload saw, while it happens: an append-only journal and a file of live figures.

Times are seconds since 1970 of this machine's one clock, which the database servers share.
"""

import collections
import json
import os
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

PERIOD_SECONDS = 0.25


class Journal:
    """Appends one JSON object a line, each in one write, so that a killed process loses no line it had recorded."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)

    def record(self, **entry: Any) -> None:
        """Appends one entry."""
        os.write(self._file, json.dumps(entry, separators=(",", ":")).encode() + b"\n")


def entries(path: Path) -> Iterator[dict[str, Any]]:
    """The entries of a journal; a last line cut short by a kill is left out."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            if line.endswith("\n"):
                yield json.loads(line)


class Figures:
    """Counts requests of one process and writes them to a file a few times a second, for whoever watches."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = threading.Lock()
        self._recent: collections.deque[float] = collections.deque()
        self._servers: Counter[str] = Counter()
        self._done = self._failed = self._retries = 0
        self._last_error = ""
        self._last_done: float | None = None
        self._longest_gap_seconds = 0.0

    def done(self, server: str) -> None:
        """One request was answered by `server`."""
        with self._lock:
            now = time.time()
            self._longest_gap_seconds = max(self._longest_gap_seconds, now - (self._last_done or now))
            self._last_done = now
            self._done += 1
            self._servers[server] += 1
            self._recent.append(now)

    def failed(self, error: Exception) -> None:
        """One request ended in an error that its caller saw."""
        with self._lock:
            self._failed += 1
            self._last_error = repr(error)[:200]

    def retried(self, error: Exception, attempt: int) -> None:
        """The connection manager tries a request again."""
        with self._lock:
            self._retries += 1
            self._last_error = f"attempt {attempt}: {error!r}"[:200]

    @property
    def count(self) -> int:
        """Requests answered so far."""
        return self._done

    @property
    def last_error(self) -> str:
        """The last error of a request or of an attempt at one."""
        return self._last_error

    def save(self) -> None:
        """Replaces the file by the figures of now."""
        fresh = self._path.with_suffix(".new")
        fresh.write_text(json.dumps(self._now()), encoding="utf-8")
        fresh.replace(self._path)

    def keep_saving(self, stop: threading.Event) -> None:
        """Saves until `stop` is set, and once more."""
        while not stop.wait(PERIOD_SECONDS):
            self.save()
        self.save()

    def _now(self) -> dict[str, Any]:
        with self._lock:
            now = time.time()
            while self._recent and self._recent[0] < now - 1.0:
                self._recent.popleft()
            return {
                "at": now,
                "done": self._done,
                "failed": self._failed,
                "retries": self._retries,
                "perSecond": len(self._recent),
                "currentGapMs": round((now - (self._last_done or now)) * 1000, 1),
                "longestGapMs": round(self._longest_gap_seconds * 1000, 1),
                "servers": dict(self._servers),
                "lastError": self._last_error,
            }
