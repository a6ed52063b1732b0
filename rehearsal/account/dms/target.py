"""The target side of a task: how rows get in."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, identifier, literal

from rehearsal.account.dms.access import Unreachable, reason, sql_state
from rehearsal.account.dms.database import Database, TaskFailed, hang_up
from rehearsal.account.dms.tables import Table

PAUSE_SECONDS = 30.0
_SHUTTING_DOWN = "57P"
"""The SQLSTATEs of a server that ends or only begins."""
_MAY_WRITE = """
    SELECT has_schema_privilege(:schema, 'USAGE') AND has_table_privilege(:name, 'INSERT')
       AND has_table_privilege(:name, 'UPDATE') AND has_table_privilege(:name, 'DELETE')"""
_EXCEPTIONS = (
    '"TASK_NAME" varchar(128) NOT NULL, "TABLE_OWNER" varchar(128) NOT NULL, "TABLE_NAME" varchar(128) NOT NULL,'
)
_EXCEPTIONS += ' "ERROR_TIME" timestamp NOT NULL, "STATEMENT" text NOT NULL, "ERROR" text NOT NULL'


_READ_ONLY = """SELECT current_setting('transaction_read_only') UNION ALL SELECT current_setting('in_hot_standby')"""


class Target:
    """What a task does in its target database."""

    def __init__(self, database: Database, task_id: str) -> None:
        self.database = database
        self.subscription = f"crossfade_dms_{task_id}"
        self._fires_triggers = False
        self._switched: list[tuple[str, str]] = []

    def open_writer(self) -> Connection:
        """A session of the endpoint's user after AfterConnectScript, as every session of DMS is. Raises TaskFailed."""
        session = self.database.login().open()
        script = self.database.settings.get("AfterConnectScript")
        try:
            if script:
                session.run(script)
        except DatabaseError as error:
            hang_up(session)
            raise TaskFailed(f"AfterConnectScript failed on the target: {reason(error)}") from error
        return session

    def check(self, control_schema: str) -> None:
        """Refuse what DMS would fail on, make its control table. Raises TaskFailed."""
        session = self.open_writer()
        try:
            ((role,),) = session.run("SHOW session_replication_role")
            ((read_only,), (standby,)) = session.run(_READ_ONLY)
            if standby == "on":
                raise Unreachable("the target's endpoint leads to a standby: it is failing over")
            if read_only == "on":
                raise TaskFailed("cannot write to the target: its sessions start in read-only transactions")
            session.run(
                f"CREATE TABLE IF NOT EXISTS {identifier(control_schema)}.awsdms_apply_exceptions ({_EXCEPTIONS})"
            )
        except DatabaseError as error:
            if sql_state(error).startswith(_SHUTTING_DOWN):
                raise Unreachable(reason(error)) from error
            raise TaskFailed(f"could not prepare the target: {reason(error)}") from error
        finally:
            hang_up(session)
        self._fires_triggers = role != "replica"

    def existing(self, tables: Iterable[Table]) -> set[tuple[str, str]]:
        """Which of the tables the target has."""
        with self.database.admin() as session:
            found = {(schema, name) for schema, name in session.run("SELECT schemaname, tablename FROM pg_tables")}
        return {table.key for table in tables if table.key in found}

    def require_privileges(self, tables: Iterable[Table]) -> None:
        """Refuse tables that the endpoint's user may not write: the emulator's own role applies. Raises TaskFailed."""
        session = self.open_writer()
        try:
            for table in tables:
                ((allowed,),) = session.run(_MAY_WRITE, schema=table.schema, name=table.qualified)
                if not allowed:
                    raise TaskFailed(f"permission denied for table {table.schema}.{table.name}")
        except DatabaseError as error:
            raise TaskFailed(reason(error)) from error
        finally:
            hang_up(session)

    def always_identities(self) -> dict[tuple[str, str], str]:
        """Tables with a column GENERATED ALWAYS AS IDENTITY, and its name."""
        with self.database.admin() as session:
            rows = session.run(
                "SELECT n.nspname, c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
                " JOIN pg_namespace n ON n.oid = c.relnamespace WHERE a.attidentity = 'a' AND NOT a.attisdropped"
            )
        return {(schema, name): column for schema, name, column in rows}

    def subscribe(
        self,
        source_conninfo: str,
        slot: str,
        publications: Sequence[str],
        leave_out: Sequence[Table],
        start_at: str | None,
    ) -> None:
        """Be ready to follow the slot from `start_at` (None: where it stands), without beginning yet.

        Tables in `leave_out` (failed loads) get nothing.
        """
        with self.database.admin() as session:
            session.run(
                f"CREATE SUBSCRIPTION {self.subscription} CONNECTION {literal(source_conninfo)}"
                f" PUBLICATION {', '.join(publications)} WITH (slot_name = {literal(slot)}, create_slot = false,"
                " enabled = false, copy_data = false, origin = any, streaming = on, synchronous_commit = on)"
            )
            self._leave_out(session, leave_out)
            if start_at:
                # What was committed before this place is skipped; PostgreSQL begins at the slot's if that is later.
                session.run(
                    "SELECT pg_replication_origin_advance('pg_' || oid, CAST(:place AS pg_lsn)) FROM pg_subscription"
                    " WHERE subname = :name",
                    place=start_at,
                    name=self.subscription,
                )

    def resume(self, source_conninfo: str, *, apply: bool = True) -> None:
        """Go on exactly where pause() stopped. Raises TaskFailed when the subscription is gone."""
        with self.database.admin() as session:
            if not self._exists(session):
                raise TaskFailed("the target has lost the task's position: the task must be reloaded")
            self._fire_triggers(session)
            self.adjust(session, source_conninfo, apply=apply)

    def adjust(self, session: Connection, source_conninfo: str, *, apply: bool) -> None:
        """Let the subscription read from there, and apply or hold."""
        rows = session.run(
            "SELECT subconninfo = :source, subenabled FROM pg_subscription WHERE subname = :name",
            source=source_conninfo,
            name=self.subscription,
        )
        for same, enabled in rows:
            if not same:
                session.run(f"ALTER SUBSCRIPTION {self.subscription} CONNECTION {literal(source_conninfo)}")
            if enabled != apply:
                session.run(f"ALTER SUBSCRIPTION {self.subscription} {'ENABLE' if apply else 'DISABLE'}")

    def pause(self) -> None:
        """Stop applying; returns when nothing is being applied any more. The position stays."""
        with self.database.admin() as session:
            if not self._exists(session):
                return
            session.run(f"ALTER SUBSCRIPTION {self.subscription} DISABLE")
            self._await_idle(session)
            self._restore_triggers(session)

    def unsubscribe(self) -> None:
        """Forget the subscription; the slot on the source stays behind (AWS_RULES R3.2)."""
        with self.database.admin() as session:
            if not self._exists(session):
                return
            session.run(f"ALTER SUBSCRIPTION {self.subscription} DISABLE")
            self._await_idle(session)
            session.run(f"ALTER SUBSCRIPTION {self.subscription} SET (slot_name = NONE)")
            session.run(f"DROP SUBSCRIPTION {self.subscription}")
            self._restore_triggers(session)

    def counters(self, session: Connection) -> dict[tuple[str, str], tuple[int, int, int]]:
        """Rows inserted, updated and deleted in each table, as the target counted them (up to a second late)."""
        rows: list[list[Any]] = session.run(
            "SELECT schemaname, relname, n_tup_ins, n_tup_upd, n_tup_del FROM pg_stat_user_tables"
        )
        return {(schema, name): (inserts, updates, deletes) for schema, name, inserts, updates, deletes in rows}

    def _exists(self, session: Connection) -> bool:
        return bool(session.run("SELECT FROM pg_subscription WHERE subname = :name", name=self.subscription))

    def _leave_out(self, session: Connection, tables: Sequence[Table]) -> None:
        if not tables:
            return
        session.run("SET allow_system_table_mods = on")
        for table in tables:
            session.run(
                "DELETE FROM pg_subscription_rel WHERE srrelid = CAST(:name AS regclass)"
                " AND srsubid = (SELECT oid FROM pg_subscription WHERE subname = :subscription)",
                name=table.qualified,
                subscription=self.subscription,
            )

    def _await_idle(self, session: Connection) -> None:
        deadline = time.monotonic() + PAUSE_SECONDS
        while session.run(
            "SELECT FROM pg_stat_subscription WHERE subname = :name AND pid IS NOT NULL", name=self.subscription
        ):
            if time.monotonic() > deadline:
                raise TaskFailed("the target did not stop applying changes")
            time.sleep(0.02)

    def _fire_triggers(self, session: Connection) -> None:
        """A writer in role `origin` fires triggers and foreign keys (AWS_RULES R3.3). The apply worker never does, so
        the triggers of the carried tables are switched to ALWAYS while it works."""
        if not self._fires_triggers or self._switched:
            return
        rows = session.run(
            "SELECT n.nspname, c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
            " JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_subscription_rel r ON r.srrelid = c.oid"
            " JOIN pg_subscription s ON s.oid = r.srsubid WHERE s.subname = :name AND t.tgenabled = 'O'",
            name=self.subscription,
        )
        self._switched = [
            (identifier(schema) + "." + identifier(table), identifier(name)) for schema, table, name in rows
        ]
        for table, trigger in self._switched:
            session.run(f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER {trigger}")

    def _restore_triggers(self, session: Connection) -> None:
        for table, trigger in self._switched:
            session.run(f"ALTER TABLE {table} ENABLE TRIGGER {trigger}")
        self._switched = []
