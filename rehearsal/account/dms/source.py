"""The source side of a task: what DMS checks there, what it makes there and what it reads."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pg8000.exceptions import DatabaseError
from pg8000.native import Connection, identifier, literal

from rehearsal.account.dms.access import reason
from rehearsal.account.dms.database import Database, TaskFailed
from rehearsal.account.dms.mappings import Mappings
from rehearsal.account.dms.tables import Column, Table

PLUGIN = "pgoutput"
_MIN_SENDER_TIMEOUT_MS = 10_000
_FREE_TRIES = 500
_COMMIT_TRIES = 250
_TABLES = """
    SELECT n.nspname, c.relname, c.relpersistence = 'p', pg_table_size(c.oid),
           CASE c.relreplident WHEN 'f' THEN true WHEN 'n' THEN false
                WHEN 'i' THEN EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisreplident)
                ELSE EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary) END
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind = 'r' AND c.relpersistence <> 't'
       AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
     ORDER BY 1, 2"""
_COLUMNS = """
    SELECT n.nspname, c.relname, a.attname,
           CASE WHEN t.typname = 'bytea' THEN 'bytea' WHEN t.typname IN ('text', 'json', 'jsonb', 'xml') THEN t.typname
                WHEN t.typname = 'varchar' AND a.atttypmod = -1 THEN 'text' ELSE '' END
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = ''
       AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
     ORDER BY a.attnum"""
_ROLE = """
    SELECT rolreplication OR rolsuper,
           CASE WHEN to_regrole('rds_replication') IS NULL THEN false
                ELSE pg_has_role(rolname, 'rds_replication', 'MEMBER') END
      FROM pg_roles WHERE rolname = current_user"""


@dataclass(frozen=True)
class Snapshot:
    """A slot's starting point: what the copy sees is exactly what the slot does not repeat."""

    name: str
    position: str


class Source:
    """What a task does in its source database."""

    def __init__(self, database: Database, task_id: str) -> None:
        self.database = database
        self._published_at = "FFFFFFFF/FFFFFFFF"
        self.publications = (f"crossfade_dms_{task_id}", f"crossfade_dms_{task_id}_inserts")

    def check(self, *, needs_new_slot: bool) -> None:
        """Refuse what DMS would fail on (AWS_RULES R3.2). Raises TaskFailed."""
        with self.database.user() as session:
            values = dict(session.run("SELECT name, setting FROM pg_settings WHERE name ~ '^(wal_|max_)'") or [])
            ((may_replicate, member),) = session.run(_ROLE)
            ((slots,),) = session.run("SELECT count(*) FROM pg_replication_slots")
        if values["wal_level"] != "logical":
            raise TaskFailed(
                "wal_level must be set to logical on the source: set rds.logical_replication to 1 and reboot it"
            )
        if 0 < int(values["wal_sender_timeout"]) < _MIN_SENDER_TIMEOUT_MS:
            raise TaskFailed("wal_sender_timeout on the source must be 0 or at least 10000 ms")
        if not may_replicate and not member:
            raise TaskFailed("permission denied to use replication slots: grant rds_replication to the source user")
        if needs_new_slot and slots >= int(values["max_replication_slots"]):
            raise TaskFailed("all replication slots are in use: free one or increase max_replication_slots")
        if not may_replicate:
            self._let_member_replicate()

    def tables(self, mappings: Mappings) -> list[Table]:
        """The selected tables in load order: plain tables and leaf partitions, which is what DMS carries."""
        with self.database.user() as session:
            columns: dict[tuple[str, str], list[Column]] = {}
            for schema, name, column, large in session.run(_COLUMNS):
                columns.setdefault((schema, name), []).append(Column(column, large))
            found = [
                Table(schema, name, tuple(columns.get((schema, name), ())), identity, logged, size)
                for schema, name, logged, size, identity in session.run(_TABLES)
                if mappings.selects(schema, name)
            ]
        return sorted(found, key=lambda table: -mappings.load_order(table.schema, table.name))

    def make_artifacts(self) -> None:
        """The tables DMS makes in its source: for captured DDL and for heartbeats. Raises TaskFailed."""
        settings = self.database.settings
        if settings.get("CaptureDdls", True):
            self._make_table(settings.get("DdlArtifactsSchema", "public"), "awsdms_ddl_audit", _DDL_AUDIT)
        if settings.get("HeartbeatEnable", False):
            self._make_table(settings.get("HeartbeatSchema", "public"), "awsdms_heartbeat", _HEARTBEAT)

    def beat(self, session: Connection) -> None:
        """Write a heartbeat, so that an idle source moves the slot on."""
        schema = self.database.settings.get("HeartbeatSchema", "public")
        session.run(
            f"INSERT INTO {identifier(schema)}.awsdms_heartbeat VALUES (1, now())"
            " ON CONFLICT (hb_key) DO UPDATE SET hb_last_heartbeat_at = now()"
        )

    def publish(self, tables: Sequence[Table]) -> None:
        """Name what the slot will carry. A table without identity gives INSERTs only: its UPDATEs must not fail."""
        logged = [table for table in tables if table.logged]
        with self.database.admin() as session:
            for name, identity, publish in zip(
                self.publications, (True, False), ("insert,update,delete", "insert"), strict=True
            ):
                members = ", ".join(table.qualified for table in logged if table.has_identity is identity)
                session.run(f"DROP PUBLICATION IF EXISTS {name}")
                listed = f"FOR TABLE {members}" if members else ""
                session.run(f"CREATE PUBLICATION {name} {listed} WITH (publish = '{publish}')")
            ((self._published_at,),) = session.run("SELECT CAST(pg_current_wal_insert_lsn() AS text)")

    def unpublish(self) -> None:
        with self.database.admin() as session:
            for name in self.publications:
                session.run(f"DROP PUBLICATION IF EXISTS {name}")

    @contextlib.contextmanager
    def new_slot(self, slot: str) -> Iterator[Snapshot]:
        """Make the slot and hold its snapshot. Waits for the transactions open on the source, as DMS does."""
        with self.database.user(replication=True) as session:
            try:
                ((_, position, snapshot, _),) = session.run(
                    f"CREATE_REPLICATION_SLOT {identifier(slot)} LOGICAL {PLUGIN} (SNAPSHOT 'export')"
                )
            except DatabaseError as error:
                raise TaskFailed(f"could not create a replication slot on the source: {reason(error)}") from error
            self._await_commits()
            yield Snapshot(snapshot, position)

    def _await_commits(self) -> None:
        """Return when what was running has ended, or after five seconds.

        The snapshot counts a transaction whose commit is in the log; on a busy machine its process may not have come to
        say so to the others yet, and a reader that looks just then sees neither the row before nor the row after it.
        """
        with self.database.admin() as session:
            ((newest,),) = session.run("SELECT pg_snapshot_xmax(pg_current_snapshot())::text")
            for _ in range(_COMMIT_TRIES):
                if session.run("SELECT WHERE pg_snapshot_xmin(pg_current_snapshot()) >= :xid::xid8", xid=newest):
                    return
                time.sleep(0.02)

    def adopt_slot(self, slot: str) -> None:
        """Let an existing slot, at its position, give what the engine reads. Raises TaskFailed when it cannot."""
        with self.database.admin() as session:
            rows = session.run(
                "SELECT plugin, active_pid, confirmed_flush_lsn >= CAST(:published AS pg_lsn) FROM pg_replication_slots"
                " WHERE slot_name = :slot",
                slot=slot,
                published=self._published_at,
            )
            if not rows:
                raise TaskFailed(f'replication slot "{slot}" does not exist on the source')
            ((plugin, reader, knows_publication),) = rows
            if reader is not None:
                raise TaskFailed(f'replication slot "{slot}" is active for PID {reader}')
            if not knows_publication:
                raise TaskFailed(f'the emulated DMS follows only slots made after the task: "{slot}" is older')
            if plugin != PLUGIN:
                self._change_plugin(session, slot)

    def await_free(self, slot: str) -> None:
        """Return when nobody reads the slot: its sender ends a moment after the reader has. Raises TaskFailed."""
        with self.database.admin() as session:
            for _ in range(_FREE_TRIES):
                if not session.run("SELECT FROM pg_replication_slots WHERE slot_name = :slot AND active", slot=slot):
                    return
                time.sleep(0.02)
        raise TaskFailed(f'replication slot "{slot}" is still being read')

    def drop_slot(self, slot: str) -> None:
        with self.database.admin() as session:
            session.run(
                "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :slot",
                slot=slot,
            )

    def open_reader(self, snapshot: str | None) -> Connection:
        """A session of the endpoint's user that sees `snapshot`."""
        session = self.database.login().open()
        session.run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
        if snapshot:
            session.run(f"SET TRANSACTION SNAPSHOT {literal(snapshot)}")
        return session

    def _change_plugin(self, session: Connection, slot: str) -> None:
        """A copied slot stands at the same position; the slot keeps its name, since the caller watches it."""
        spare = f"{slot[:55]}_copy"
        copy = "SELECT pg_copy_logical_replication_slot(:source, :target, false, :plugin)"
        session.run(copy, source=slot, target=spare, plugin=PLUGIN)
        session.run("SELECT pg_drop_replication_slot(:slot)", slot=slot)
        session.run(copy, source=spare, target=slot, plugin=PLUGIN)
        session.run("SELECT pg_drop_replication_slot(:slot)", slot=spare)

    def _let_member_replicate(self) -> None:
        """On RDS, membership of rds_replication is enough to replicate; PostgreSQL itself asks for the attribute."""
        with self.database.admin() as session:
            session.run(f"ALTER ROLE {identifier(self.database.login().user)} REPLICATION")

    def _make_table(self, schema: str, name: str, columns: str) -> None:
        try:
            with self.database.user() as session:
                session.run(f"CREATE TABLE IF NOT EXISTS {identifier(schema)}.{name} ({columns})")
        except DatabaseError as error:
            raise TaskFailed(f"could not create {schema}.{name} on the source: {reason(error)}") from error


_HEARTBEAT = "hb_key integer PRIMARY KEY, hb_last_heartbeat_at timestamptz"
_DDL_AUDIT = (
    "c_key bigserial PRIMARY KEY, c_time timestamp, c_user varchar(64), c_txn varchar(16), c_tag varchar(24),"
    " c_oid integer, c_name varchar(64), c_schema varchar(64), c_ddlqry text"
)
