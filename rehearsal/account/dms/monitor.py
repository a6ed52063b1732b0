"""What a running task reports by itself: metrics every minute of AWS, heartbeats, table counters."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import time
from collections.abc import Callable

from pg8000.exceptions import Error
from pg8000.native import Connection

from rehearsal.account.dms.access import Unreachable
from rehearsal.account.dms.apply_errors import ApplyErrors
from rehearsal.account.dms.database import Database, TaskFailed, hang_up
from rehearsal.account.dms.lag import LagMeter, Positions
from rehearsal.account.dms.ports import Platform
from rehearsal.account.dms.replication import Replication
from rehearsal.account.dms.tables import Progress

PERIOD_SECONDS = 60.0
MIN_PERIOD_REAL_SECONDS = 0.25
SESSION_TIMEOUT_SECONDS = 5.0
_POSITIONS = """
    SELECT pg_current_wal_flush_lsn() - '0/0', coalesce(r.sent_lsn, s.confirmed_flush_lsn) - '0/0',
           greatest(r.flush_lsn, s.confirmed_flush_lsn) - '0/0'
      FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
     WHERE s.slot_name = :slot"""
_log = logging.getLogger(__name__)


class Monitor:
    """Watches one task in a thread of its own, from start() to stop()."""

    def __init__(
        self,
        platform: Platform,
        replication: Replication,
        dimensions: dict[str, str],
        errors: ApplyErrors,
        on_error: Callable[[str], None],
    ) -> None:
        self._platform, self._replication, self._dimensions = platform, replication, dimensions
        self._errors, self._on_error = errors, on_error
        self._meter, self._counters = LagMeter(), Counters()
        self._ended = threading.Event()
        self._sessions: dict[Database, tuple[str, Connection]] = {}
        self._loaded_rows = self._applied_rows = self._applied_position = 0
        self._beaten_seconds = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="dms-monitor", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End it; returns when it has ended."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _run(self) -> None:
        last = time.monotonic()
        while not self._ended.wait(max(self._platform.scaled(PERIOD_SECONDS), MIN_PERIOD_REAL_SECONDS)):
            now = time.monotonic()
            self._report_load(now - last)
            if self._replication.following:
                self._attempt(self._replication.source.database, self._report_lag)
                self._attempt(self._replication.target.database, functools.partial(self._report_rows, now - last))
                self._beat(now)
            last = now
        for database in list(self._sessions):
            self._close(database)

    def _attempt(self, database: Database, step: Callable[[Connection], None]) -> None:
        """A database that is away for a moment (a failover) costs points, not the task: DMS retries without end."""
        try:
            step(self._session(database))
        except (Error, OSError, TaskFailed, Unreachable) as error:
            _log.debug("dms monitor: %s", error)
            self._close(database)

    def _session(self, database: Database) -> Connection:
        """The kept session, or a new one when the host name names another server now."""
        address = database.login().address
        if database in self._sessions and self._sessions[database][0] != address:
            self._close(database)
        if database not in self._sessions:
            self._sessions[database] = (address, database.open_admin(SESSION_TIMEOUT_SECONDS))
        return self._sessions[database][1]

    def _close(self, database: Database) -> None:
        kept = self._sessions.pop(database, None)
        if kept is not None:
            hang_up(kept[1])

    def _report_load(self, elapsed_seconds: float) -> None:
        loaded = sum(item.loaded_rows for item in self._replication.progress)
        self._put("FullLoadThroughputRowsTarget", max(loaded - self._loaded_rows, 0) / elapsed_seconds, "Count/Second")
        self._loaded_rows = loaded

    def _report_lag(self, session: Connection) -> None:
        rows = session.run(_POSITIONS, slot=self._replication.slot)
        if not rows:
            return
        ((written, sent, applied),) = rows
        captured, behind = self._meter.observe(time.monotonic(), Positions(int(written), int(sent), int(applied)))
        self._applied_position = int(applied)
        self._put("CDCLatencySource", captured, "Seconds")
        self._put("CDCLatencyTarget", behind, "Seconds")

    def _report_rows(self, elapsed_seconds: float, session: Connection) -> None:
        self._counters.update(self._replication.progress, self._replication.target.counters(session))
        applied = sum(item.inserts + item.updates + item.deletes for item in self._replication.progress)
        self._put("CDCThroughputRowsTarget", (applied - self._applied_rows) / elapsed_seconds, "Count/Second")
        self._applied_rows = applied
        trouble = self._errors.verdict(session, self._replication.target.subscription, self._applied_position)
        if trouble is not None:
            self._on_error(trouble)

    def _beat(self, now_seconds: float) -> None:
        settings = self._replication.source.database.settings
        every_seconds = self._platform.scaled(60.0 * settings.get("HeartbeatFrequency", 5))
        if not settings.get("HeartbeatEnable", False) or now_seconds - self._beaten_seconds < every_seconds:
            return
        self._beaten_seconds = now_seconds
        with contextlib.suppress(Error, OSError, TaskFailed):
            self._replication.source.beat()

    def _put(self, name: str, value: float, unit: str) -> None:
        self._platform.put_metric("AWS/DMS", name, self._dimensions, value, unit)


class Counters:
    """Turns the target's own row counters into rows applied. A counter that falls began anew (a failover)."""

    def __init__(self) -> None:
        self._last: dict[tuple[str, str], tuple[int, int, int]] | None = None

    def update(self, progress: list[Progress], now: dict[tuple[str, str], tuple[int, int, int]]) -> None:
        """Add what was counted since the last call; the first call only remembers."""
        if self._last is not None:
            for item in progress:
                before, after = self._last.get(item.table.key, (0, 0, 0)), now.get(item.table.key, (0, 0, 0))
                if after != before:
                    item.count(*(new - old if new >= old else new for old, new in zip(before, after, strict=True)))
        self._last = now
