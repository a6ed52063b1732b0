"""The engine of one task: checks, full load, and native logical replication from where the load's snapshot stands."""

from __future__ import annotations

import contextlib
import functools
import logging
import threading
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from pg8000.exceptions import Error
from pg8000.native import Connection

from rehearsal.account import faults
from rehearsal.account.dms import tables
from rehearsal.account.dms.access import Unreachable, reason
from rehearsal.account.dms.database import Database, TaskFailed
from rehearsal.account.dms.full_load import FullLoad
from rehearsal.account.dms.mappings import Mappings
from rehearsal.account.dms.settings import TaskSettings
from rehearsal.account.dms.source import Source
from rehearsal.account.dms.tables import Progress, Table
from rehearsal.account.dms.target import Target

_NO_TABLES = (
    "No tables were found at task initialization. Either the selected table(s) or schema(s) no longer exist or no match"
    " was found for the table selection pattern(s)."
)
_log = logging.getLogger(__name__)


class Replication:
    """One task's way from a source to a target. Its task calls one method at a time; `stop` may be set any time."""

    def __init__(self, task_id: str, source: Database, target: Database, request: Mapping[str, Any]) -> None:
        self.source, self.target = Source(source, task_id), Target(target, task_id)
        self.migration_type = migration_type = str(request["MigrationType"])
        self.task = str(request["ReplicationTaskIdentifier"])
        self.start_at: str | None = None
        """The log position that changes are followed from; None: where the slot stands."""
        self.slot = source.settings.get("SlotName") or f"{task_id[:16]}_{uuid.uuid4().hex}"
        self._adopts_slot = migration_type == "cdc" and bool(source.settings.get("SlotName"))
        self.progress: list[Progress] = []
        self.errors: list[str] = []
        self.following = self.validates = self._has_worked = False
        self.control_schema = "public"
        self.stop = threading.Event()
        self._switch = threading.Lock()  # held while applying is switched on or off
        self._release = threading.Event()
        self._holder: threading.Thread | None = None
        self._snapshot: str | None = None

    @property
    def captures(self) -> bool:
        """Whether the task follows changes."""
        return self.migration_type != "full-load"

    @property
    def held(self) -> bool:
        """Whether a rehearsal wants nothing to be applied at present."""
        return faults.standing("apply-paused", self.task) is not None

    def announce(self, mappings: Mappings) -> None:
        """Say on the source what a slot made by others has to carry: it knows only what was said before it."""
        if self._adopts_slot:
            self._has_worked = True
            self.source.publish(self._present(mappings))

    def connect(self, settings: TaskSettings) -> None:
        """Open both sides with the endpoints' credentials and refuse what DMS would fail on. Raises TaskFailed."""
        self.stop.clear()
        self.validates = settings.validation
        for side in (self.source.database, self.target.database):
            side.read_secret()
        if self.captures:
            self.source.check(needs_new_slot=not self._adopts_slot and not self.following)
        self.control_schema = settings.control_schema
        self.target.check(settings.control_schema)

    def begin(self, mappings: Mappings) -> None:
        """Choose the tables and fix the point where the changes start. Raises TaskFailed."""
        self._has_worked = True
        chosen = self.source.tables(mappings)
        if not chosen:
            raise TaskFailed(_NO_TABLES)
        present = self.target.existing(chosen)
        self._refuse_capture([table for table in chosen if table.key in present])
        progress = [Progress(table) for table in chosen]
        for item in progress:
            if item.table.key not in present:
                item.end(tables.MISSING)
            elif self.migration_type == "cdc":
                item.state = tables.COMPLETED
        if self.captures:
            self.source.make_artifacts()
            self._open_slot([item.table for item in progress if item.state != tables.MISSING])
        self.progress = progress

    def _present(self, mappings: Mappings) -> list[Table]:
        chosen = self.source.tables(mappings)
        present = self.target.existing(chosen)
        return [table for table in chosen if table.key in present]

    def load(self, settings: TaskSettings) -> bool:
        """Copy what is not copied yet; False when stopped before the end."""
        if self.migration_type != "cdc":
            work = FullLoad(self.task, self.source, self.target, settings)
            work.run(self.progress, self._snapshot, self.stop)
            self.errors += work.errors
            self._refuse_identities()
        return not self.stop.is_set()

    def _refuse_capture(self, carried: list[Table]) -> None:
        """What a task without a full load meets with its first INSERT: it is told at once here. Raises TaskFailed."""
        if self.migration_type != "cdc":
            return
        self.target.require_privileges(carried)
        always = self.target.always_identities()
        for table in carried:
            if table.key in always:
                column = always[table.key]
                raise TaskFailed(
                    f'cannot insert a non-DEFAULT value into column "{column}" of {table.schema}.{table.name}; Column'
                    f' "{column}" is an identity column defined as GENERATED ALWAYS.'
                )

    def _refuse_identities(self) -> None:
        """DMS's INSERTs name every column, which GENERATED ALWAYS AS IDENTITY refuses; COPY does not."""
        always = self.target.always_identities() if self.captures else {}
        for item in self.progress:
            if item.table.key in always and item.state == tables.COMPLETED:
                item.end(tables.ERROR)
                where = f"{item.table.schema}.{item.table.name}"
                self.errors.append(f"{where}: cannot insert a non-DEFAULT value into a GENERATED ALWAYS column")

    def follow(self) -> None:
        """Apply the changes since the snapshot, and go on; nothing when stopped meanwhile. Raises TaskFailed."""
        if self.stop.is_set():
            return
        self.end_snapshot()
        failed = [item.table for item in self.progress if item.state != tables.COMPLETED and item.table.logged]
        missing = {item.table.key for item in self.progress if item.state == tables.MISSING}
        leave_out = [table for table in failed if table.key not in missing]
        conninfo = self.source.database.login().conninfo()
        self.target.subscribe(conninfo, self.slot, self.source.publications, leave_out, self.start_at)
        self.following = True
        self.resume()

    def resume(self) -> None:
        """Go on where pause() stopped. Raises TaskFailed."""
        with self._switch:
            self.target.resume(self.source.database.login().conninfo(), apply=not self.held)

    def pause(self) -> None:
        """Stop after what is being applied; the slot keeps the place, and is free when this returns."""
        self.stop.set()
        if self.following:
            with self._switch:
                self.target.pause()
            self.source.await_free(self.slot)

    def recheck_target(self) -> None:
        """A new session writes only if the server still lets it. Raises TaskFailed, or Unreachable while it is away."""
        self.target.check(self.control_schema)

    def adjust(self, session: Connection) -> None:
        """Follow the source's host name, and hold or go on applying as a rehearsal wants; `session` is the target's."""
        with self._switch:
            if self.following and not self.stop.is_set():
                self.target.adjust(session, self.source.database.login().conninfo(), apply=not self.held)

    def remove(self, *, drop_slot: bool = False) -> None:
        """Take the task out of both databases. The slot is left behind unless a reload makes a new one."""
        self.stop.set()
        self.end_snapshot()
        if not self._has_worked:
            return  # no database was touched: none has to be there now
        free = functools.partial(self.source.await_free, self.slot)
        steps: list[Callable[[], None]] = [self.target.unsubscribe, free, self.source.unpublish]
        if drop_slot:
            steps.append(lambda: self.source.drop_slot(self.slot))
        for step in steps:
            try:
                step()
            except (Error, OSError, TaskFailed, Unreachable) as error:
                _log.info("a task was deleted without its database: %s", reason(error))
        self.following = False

    def _open_slot(self, carried: list[Table]) -> None:
        if self._adopts_slot:
            self.source.adopt_slot(self.slot)
            return
        self.source.publish(carried)
        ready, failure = threading.Event(), list[Exception]()
        self._release.clear()
        self._holder = threading.Thread(target=self._hold_slot, args=(ready, failure), name="dms-snapshot", daemon=True)
        self._holder.start()
        ready.wait()
        if failure:
            raise TaskFailed(str(failure[0]))

    def _hold_slot(self, ready: threading.Event, failure: list[Exception]) -> None:
        """The snapshot lives as long as the session that made the slot: keep it until the load is done."""
        try:
            with self.source.new_slot(self.slot) as snapshot:
                self._snapshot = snapshot.name
                ready.set()
                self._release.wait()
        except (TaskFailed, Error, OSError) as error:
            failure.append(error)
        finally:
            ready.set()

    def end_snapshot(self) -> None:
        """Let go of the source's state that the load reads."""
        self._release.set()
        self._snapshot = None
        if self._holder is not None:
            with contextlib.suppress(RuntimeError):
                self._holder.join()
            self._holder = None
