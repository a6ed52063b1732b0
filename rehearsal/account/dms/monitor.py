"""What a running task reports by itself: metrics every minute of AWS, heartbeats, table counters."""

from __future__ import annotations

import functools
import threading
import time
from collections.abc import Callable

from pg8000.native import Connection

from rehearsal.account import faults
from rehearsal.account.dms.apply_errors import ApplyErrors
from rehearsal.account.dms.database import TaskFailed
from rehearsal.account.dms.lag import LagMeter, Positions
from rehearsal.account.dms.ports import Platform
from rehearsal.account.dms.replication import Replication
from rehearsal.account.dms.sessions import KeptSession
from rehearsal.account.dms.settings import TaskSettings
from rehearsal.account.dms.tables import Progress
from rehearsal.account.dms.validation import EVERY_SECONDS, Validation

PERIOD_SECONDS = 60.0
MIN_PERIOD_REAL_SECONDS = 0.25
SESSION_TIMEOUT_SECONDS = 5.0
_POSITIONS = """
    SELECT pg_current_wal_flush_lsn() - '0/0', coalesce(r.sent_lsn, s.confirmed_flush_lsn) - '0/0',
           greatest(r.flush_lsn, s.confirmed_flush_lsn) - '0/0'
      FROM pg_replication_slots s LEFT JOIN pg_stat_replication r ON r.pid = s.active_pid
     WHERE s.slot_name = :slot"""


class Monitor:
    """Watches one task in a thread of its own, from start() to stop()."""

    def __init__(
        self,
        platform: Platform,
        replication: Replication,
        dimensions: dict[str, str],
        settings: TaskSettings,
        on_error: Callable[[str, str], None],
    ) -> None:
        """`on_error` gets a message and its level, FATAL or RECOVERABLE."""
        self._platform, self._replication, self._dimensions = platform, replication, dimensions
        self._errors, self._on_error = ApplyErrors(settings), on_error
        source, target = replication.source.database, replication.target.database
        self._source = KeptSession(source, lambda: source.open_admin(SESSION_TIMEOUT_SECONDS))
        self._target = KeptSession(target, self._open_target)
        self._heart = KeptSession(source, lambda: source.login().open(timeout_seconds=SESSION_TIMEOUT_SECONDS))
        self._meter, self._counters, self._validation = LagMeter(), Counters(), Validation()
        self._loaded_rows = self._applied_rows = self._applied_position = 0
        self._source_rows = self._rows_in_step = 0
        self._beaten_seconds = self._validated_seconds = time.monotonic()
        self._ended = threading.Event()
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
                self._stop_by_rule()
                self._target.attempt(self._replication.adjust)
                self._source.attempt(self._report_lag)
                self._target.attempt(functools.partial(self._report_rows, now - last))
                self._beat(now)
                self._validate(now)
            last = now
        for session in (self._source, self._target, self._heart):
            session.close()

    def _open_target(self) -> Connection:
        """A session of the target, when the task's own sessions may still write: after a crash theirs are new too."""
        try:
            self._replication.recheck_target()
        except TaskFailed as error:
            self._on_error(str(error), "FATAL")
            raise
        return self._replication.target.database.open_admin(SESSION_TIMEOUT_SECONDS)

    def _stop_by_rule(self) -> None:
        fault = faults.take("task-stops", self._replication.task)
        if fault is not None:
            message = fault.get("message", "Task error notification received from subtask 0, thread 0")
            self._on_error(message, str(fault.get("level", "RECOVERABLE")))

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
        self._report_waiting(session, in_step=behind == 0)

    def _report_waiting(self, session: Connection, *, in_step: bool) -> None:
        """Rows changed on the source and not yet applied, by both sides' own counters; 0 when they are in step."""
        counted = self._replication.target.counters(session)
        carried = [item.table.key for item in self._replication.progress if item.table.has_identity]
        self._source_rows = sum(sum(counted.get(key, ())) for key in carried)
        if in_step:
            self._rows_in_step = self._source_rows - self._applied_rows
        waiting = self._source_rows - self._applied_rows - self._rows_in_step
        self._put("CDCIncomingChanges", max(waiting, 0), "Count")

    def _report_rows(self, elapsed_seconds: float, session: Connection) -> None:
        self._counters.update(self._replication.progress, self._replication.target.counters(session))
        applied = sum(item.inserts + item.updates + item.deletes for item in self._replication.progress)
        self._put("CDCThroughputRowsTarget", (applied - self._applied_rows) / elapsed_seconds, "Count/Second")
        self._applied_rows = applied
        trouble = self._errors.verdict(session, self._replication.target.subscription, self._applied_position)
        if trouble is not None:
            self._on_error(trouble, "FATAL")

    def _beat(self, now_seconds: float) -> None:
        settings = self._replication.source.database.settings
        every_seconds = self._platform.scaled(60.0 * settings.get("HeartbeatFrequency", 5))
        if not settings.get("HeartbeatEnable", False) or now_seconds - self._beaten_seconds < every_seconds:
            return
        self._beaten_seconds = now_seconds
        self._heart.attempt(self._replication.source.beat)

    def _validate(self, now_seconds: float) -> None:
        every_seconds = self._platform.scaled(EVERY_SECONDS)
        if not self._replication.validates or now_seconds - self._validated_seconds < every_seconds:
            return
        self._validated_seconds = now_seconds
        compare = self._validation.compare
        progress = self._replication.progress
        self._source.attempt(lambda source: self._target.attempt(lambda target: compare(progress, source, target)))

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
