"""One replication task: its status over time."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from pg8000.exceptions import Error

from rehearsal.account import faults
from rehearsal.account.dms import notices, statistics
from rehearsal.account.dms.access import Unreachable, reason
from rehearsal.account.dms.database import TaskFailed
from rehearsal.account.dms.faults import wrong_state
from rehearsal.account.dms.mappings import Mappings, parse_mappings
from rehearsal.account.dms.monitor import Monitor
from rehearsal.account.dms.ports import Platform
from rehearsal.account.dms.replication import Replication
from rehearsal.account.dms.settings import TaskSettings, parse_settings

CREATING_SECONDS = 30.0
MODIFYING_SECONDS = 15.0
STARTING_SECONDS = 45.0
STOPPING_SECONDS = 30.0
DELETING_SECONDS = 30.0
PAUSE_LIMIT_SECONDS = 30.0
PAUSE_RETRY_SECONDS = 0.2
"""Real seconds in which a database that is away is waited for when a task stops."""
_STARTABLE = ("ready", "stopped", "failed")
_log = logging.getLogger(__name__)


class Task:
    """A replication task. Every change of its status goes through here, under one lock."""

    def __init__(
        self,
        platform: Platform,
        reports: notices.Notices,
        request: dict[str, Any],
        replication: Replication,
        instance: str,
    ) -> None:
        self._platform, self._notices, self._replication = platform, reports, replication
        self.request = request
        self.arn, self.identifier = request["ReplicationTaskArn"], request["ReplicationTaskIdentifier"]
        self._settings: TaskSettings = parse_settings(request.get("ReplicationTaskSettings"))
        self._mappings: Mappings = parse_mappings(request["TableMappings"])
        self.status, self._stop_reason, self._failure = "creating", "", ""
        self._created = datetime.now(UTC)
        self._times = statistics.TaskTimes()
        self._lock = threading.RLock()
        self._work = threading.Lock()  # one start or stop at a time touches the databases
        self._monitor: Monitor | None = None
        resource_id = self.arn.rsplit(":", 1)[-1]
        self._dimensions = {"ReplicationInstanceIdentifier": instance, "ReplicationTaskIdentifier": resource_id}
        platform.run_later(CREATING_SECONDS, self._ready)

    @property
    def tables(self) -> list[dict[str, Any]]:
        """The tables as DescribeTableStatistics shows them."""
        return [item.description() for item in self._replication.progress]

    def describe(self) -> dict[str, Any]:
        shown = (
            "ReplicationTaskIdentifier",
            "SourceEndpointArn",
            "TargetEndpointArn",
            "ReplicationInstanceArn",
            "MigrationType",
            "TableMappings",
            "ReplicationTaskArn",
            "CdcStartPosition",
        )
        with self._lock:
            started = {"ReplicationTaskStartDate": self._times.started} if self._times.started else {}
            return {
                **{key: self.request[key] for key in shown if key in self.request},
                "ReplicationTaskSettings": self._settings.document,
                "Status": self.status,
                "ReplicationTaskCreationDate": self._created,
                "ReplicationTaskStats": self._times.description(self._replication.progress),
                **started,
                **({"StopReason": self._stop_reason} if self._stop_reason else {}),
                **({"LastFailureMessage": self._failure} if self._failure else {}),
            }

    def start(self, kind: str, position: str | None = None) -> None:
        """start-replication (once), resume-processing (later) or reload-target. Raises InvalidResourceStateFault.

        `position` is the CdcStartPosition of the first start; a later one goes on where the task stopped.
        """
        with self._lock:
            self._require(_STARTABLE, "started")
            if kind == "start-replication" and self._times.fresh:
                raise wrong_state("Start Type : START_REPLICATION, valid only for tasks running for the first time")
            if kind != "start-replication" and not self._times.fresh:
                raise wrong_state(f"Start Type : {kind}, is not valid for tasks running for the first time")
            if kind == "reload-target" and self._replication.migration_type == "cdc":
                raise wrong_state("Start Type : RELOAD_TARGET, is not valid for a task of migration type cdc")
            self.status, self._stop_reason, self._failure = "starting", "", ""
            if position:
                self.request = {**self.request, "CdcStartPosition": position}
            self._times.start(fresh=kind != "resume-processing")
        self._in_background(lambda: self._run(kind))

    def stop(self) -> None:
        with self._lock:
            self._require(("starting", "running"), "stopped")
            self.status = "stopping"
        self._replication.stop.set()
        self._platform.run_later(STOPPING_SECONDS, self._pause)

    def delete(self, forget: Callable[[], None]) -> None:
        with self._lock:
            self._require(("ready", "stopped", "failed"), "deleted")
            self.status = "deleting"
        self._platform.run_later(DELETING_SECONDS, lambda: self._remove(forget))

    def modify(self, changes: dict[str, Any]) -> None:
        """Take over new settings or mappings; only between runs."""
        with self._lock:
            self._require(("ready", "stopped", "failed"), "modified")
            changed = {**self.request, **changes}
            settings = parse_settings(changed.get("ReplicationTaskSettings"))
            self._mappings, self._settings = parse_mappings(changed["TableMappings"]), settings
            self.request, before, self.status = changed, self.status, "modifying"
        self._platform.run_later(MODIFYING_SECONDS, lambda: self._modified(before))

    def _run(self, kind: str) -> None:
        self._platform.sleep(STARTING_SECONDS)
        try:
            self._refuse_by_rule()
            with self._work:
                self._engage(kind)
        except (TaskFailed, Unreachable, Error, OSError) as error:
            self._fail(reason(error))
        except Exception as error:
            _log.exception("the emulated DMS failed")
            self._fail(f"internal error: {error}")

    def _refuse_by_rule(self) -> None:
        fault = faults.take("task-start-fails", self.identifier)
        if fault is not None:
            raise TaskFailed(fault.get("message", "Error executing source loop; Stream component failed"))

    def _engage(self, kind: str) -> None:
        engine = self._replication
        if kind == "reload-target":
            engine.remove(drop_slot=True)
        engine.connect(self._settings)
        if kind != "resume-processing" or not engine.progress:
            engine.begin(self._mappings)
            engine.start_at = self.request.get("CdcStartPosition")
        if not self._set("starting", "running"):
            return
        flag = "fresh start" if kind == "start-replication" else kind.replace("-", " ")
        self._notices.task(notices.TASK_STARTED, self.arn, self.identifier, f", with flag = {flag}")
        self._begin_monitor()
        if engine.following:
            engine.resume()
            return
        if engine.load(self._settings):
            self._refuse_errors()
            self._loaded()

    def _refuse_errors(self) -> None:
        errors = self._replication.errors
        if errors and self._settings.stops_on_table_error:
            raise TaskFailed(f"Error while loading {errors[0]} (TableErrorPolicy STOP_TASK)")

    def _loaded(self) -> None:
        if self.status != "running":
            return
        self._times.finish_load()
        if not self._replication.captures:
            self._finish("Stop Reason FULL_LOAD_ONLY_FINISHED")
        elif self._settings.stop_before_cached_changes:
            self._finish("Stop Reason STOPPED_AFTER_FULL_LOAD")
        else:
            self._replication.follow()
            if self._settings.stop_after_cached_changes:
                self._replication.pause()
                self._finish("Stop Reason STOPPED_AFTER_CACHED_EVENTS")

    def _modified(self, before: str) -> None:
        self._set("modifying", before)

    def _ready(self) -> None:
        with contextlib.suppress(TaskFailed, Unreachable, Error, OSError):
            self._replication.announce(self._mappings)
        if self._set("creating", "ready"):
            self._notices.task(notices.TASK_CREATED, self.arn, self.identifier)

    def _pause(self) -> None:
        """Stop where the databases can be asked to; one that is away for a moment is waited for."""
        deadline = time.monotonic() + PAUSE_LIMIT_SECONDS
        while True:
            try:
                with self._work:
                    self._replication.pause()
            except (TaskFailed, Unreachable, Error, OSError) as error:
                if time.monotonic() > deadline:
                    return self._fail(reason(error))
                time.sleep(PAUSE_RETRY_SECONDS)
            else:
                return self._finish("Stop Reason NORMAL")

    def _finish(self, stop_reason: str) -> None:
        self._end_monitor()
        with self._lock:
            self.status, self._stop_reason = "stopped", stop_reason
            self._times.stop()
        self._notices.task(notices.TASK_STOPPED, self.arn, self.identifier, f" with {stop_reason}")

    def _fail(self, message: str, level: str = "FATAL") -> None:
        """`level` is FATAL or RECOVERABLE; the latter when DMS has given up to recover."""
        self._end_monitor()
        self._replication.end_snapshot()
        with self._lock:
            self.status, self._stop_reason = "failed", f"Stop Reason {level}_ERROR"
            self._failure = f"Last Error  {message}. Stop Reason {level}_ERROR Error Level {level}"
            self._times.stop()
        self._notices.task(notices.TASK_FAILED, self.arn, self.identifier, f": {message}")

    def _break(self, message: str, level: str = "FATAL") -> None:
        """The monitor found an error that the settings stop for; what follows must not run in its own thread."""
        if self._set("running", "stopping"):
            self._in_background(lambda: self._broken(message, level))

    def _broken(self, message: str, level: str) -> None:
        with self._work, contextlib.suppress(TaskFailed, Unreachable, Error, OSError):
            self._replication.pause()
        self._fail(message, level)

    def _remove(self, forget: Callable[[], None]) -> None:
        self._end_monitor()
        self._replication.remove()
        forget()
        self._notices.task(notices.TASK_DELETED, self.arn, self.identifier)

    def _begin_monitor(self) -> None:
        self._monitor = Monitor(self._platform, self._replication, self._dimensions, self._settings, self._break)
        self._monitor.start()

    def _end_monitor(self) -> None:
        monitor, self._monitor = self._monitor, None
        if monitor is not None:
            monitor.stop()

    def _set(self, before: str, after: str) -> bool:
        with self._lock:
            if self.status != before:
                return False
            self.status = after
            return True

    def _require(self, statuses: tuple[str, ...], verb: str) -> None:
        if self.status not in statuses:
            raise wrong_state(f"Replication Task cannot be {verb} in its present state ({self.status}): {self.arn}")

    def _in_background(self, action: Callable[[], None]) -> None:
        threading.Thread(target=action, name=f"dms-{self.identifier}", daemon=True).start()
