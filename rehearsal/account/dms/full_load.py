"""The full load: each table copied by the endpoints' own users, several at a time, at one snapshot of the source."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

from pg8000.exceptions import Error
from pg8000.native import Connection, identifier

from rehearsal.account import faults
from rehearsal.account.dms import tables
from rehearsal.account.dms.access import Unreachable, reason
from rehearsal.account.dms.database import TaskFailed, closing
from rehearsal.account.dms.settings import TaskSettings
from rehearsal.account.dms.source import Source
from rehearsal.account.dms.tables import Column, Progress, Table
from rehearsal.account.dms.target import Target

_CHUNK_BYTES = 64 * 1024
_CHUNKS_AHEAD = 16


class Stopped(Exception):
    """The load was told to stop between two chunks."""


class RowStream:
    """Hands the rows that one session's COPY gives to another session's COPY, a few chunks ahead at most."""

    def __init__(self, progress: Progress, stop: threading.Event) -> None:
        self._chunks: queue.Queue[bytes | Exception | None] = queue.Queue(_CHUNKS_AHEAD)
        self._pending: list[bytes] = []
        self._size = 0
        self._progress, self._stop = progress, stop

    def write(self, row: bytes) -> None:
        """Take one row from the source (pg8000 calls this)."""
        self._pending.append(row)
        self._size += len(row)
        if self._size >= _CHUNK_BYTES:
            self.flush()

    def flush(self) -> None:
        if self._pending:
            self._put(b"".join(self._pending))
            self._progress.loaded_rows += len(self._pending)
            self._pending, self._size = [], 0

    def end(self, error: Exception | None) -> None:
        """No more rows: the source is read out, or failed."""
        with contextlib.suppress(Stopped):
            self._put(error)

    def __iter__(self) -> Iterator[bytes]:
        while True:
            chunk = self._chunks.get()
            if isinstance(chunk, Exception):
                raise chunk
            if chunk is None:
                return
            yield chunk

    def _put(self, item: bytes | Exception | None) -> None:
        while True:
            if self._stop.is_set() and isinstance(item, bytes):
                raise Stopped
            try:
                return self._chunks.put(item, timeout=0.2)
            except queue.Full:
                continue


class FullLoad:
    """Loads the tables of a task. `stop` ends it between two chunks; unfinished tables keep nothing."""

    def __init__(self, task: str, source: Source, target: Target, settings: TaskSettings) -> None:
        self._task = task
        self._source, self._target, self._settings = source, target, settings
        self.errors: list[str] = []
        self.fatal: str | None = None

    def run(self, progress: list[Progress], snapshot: str | None, stop: threading.Event) -> None:
        """Load every table that is not loaded yet. A table that fails is left in `Table error`; the others go on.

        Raises TaskFailed for what stops the whole task.
        """
        waiting = [item for item in progress if item.state == tables.BEFORE_LOAD]
        with ThreadPoolExecutor(self._settings.max_sub_tasks, "dms-load") as pool:
            list(pool.map(lambda item: self._load(item, snapshot, stop), waiting))
        if self.fatal:
            raise TaskFailed(self.fatal)

    def _load(self, item: Progress, snapshot: str | None, stop: threading.Event) -> None:
        if stop.is_set():
            return
        item.begin()
        try:
            self._refuse_by_rule(item.table)
            self._copy(item, snapshot, stop)
        except Stopped:
            item.state = tables.BEFORE_LOAD
        except (Error, OSError, Unreachable, TaskFailed) as error:
            item.loaded_rows = 0
            item.end(tables.ERROR)
            self.errors.append(f"{item.table.schema}.{item.table.name}: {reason(error)}")
        else:
            item.end(tables.COMPLETED)

    def _refuse_by_rule(self, table: Table) -> None:
        fault = faults.take("table-load-fails", f"{self._task}/{table.schema}.{table.name}")
        if fault is not None:
            raise TaskFailed(fault.get("message", "Failed to load data from csv file, No space left on device"))

    def _copy(self, item: Progress, snapshot: str | None, stop: threading.Event) -> None:
        stream = RowStream(item, stop)
        with closing(self._target.open_writer()) as writer:
            self._prepare(writer, item.table)
            with closing(self._source.open_reader(snapshot)) as reader:
                self._refuse_large_values(reader, item.table)
                pump = threading.Thread(target=self._pump, args=(reader, item.table, stream), daemon=True)
                pump.start()
                try:
                    writer.run(f"COPY {item.table.qualified} ({item.table.column_list()}) FROM STDIN", stream=stream)
                finally:
                    _drain(stream, pump)
            item.loaded_rows = writer.row_count

    def _pump(self, reader: Connection, table: Table, stream: RowStream) -> None:
        values = ", ".join(self._value(column) for column in table.columns)
        try:
            reader.run(f"COPY (SELECT {values} FROM ONLY {table.qualified}) TO STDOUT", stream=stream)
            stream.flush()
            stream.end(None)
        except (Error, OSError, Stopped) as error:
            stream.end(error)

    def _value(self, column: Column) -> str:
        """A value as DMS carries it: in limited LOB mode, cut off at LobMaxSize."""
        name, limit = str(identifier(column.name)), self._settings.lob_limit_bytes
        if not column.large or limit is None:
            return name
        if column.large == "bytea":
            return f"substring({name} from 1 for {limit})"
        return f"left(CAST({name} AS text), {limit})"

    def _refuse_large_values(self, reader: Connection, table: Table) -> None:
        """With FailTasksOnLobTruncation, a value beyond LobMaxSize ends the task instead of being cut off."""
        limit, columns = self._settings.lob_limit_bytes, [column for column in table.columns if column.large]
        if limit is None or not columns or not self._source.database.settings.get("FailTasksOnLobTruncation"):
            return
        sizes = " OR ".join(f"octet_length(CAST({identifier(column.name)} AS text)) > {limit}" for column in columns)
        if reader.run(f"SELECT FROM ONLY {table.qualified} WHERE {sizes} LIMIT 1"):
            self.fatal = (
                f"a LOB value of {table.schema}.{table.name} is larger than LobMaxSize (FailTasksOnLobTruncation)"
            )
            raise TaskFailed(self.fatal)

    def _prepare(self, writer: Connection, table: Table) -> None:
        if self._settings.prep_mode == "TRUNCATE_BEFORE_LOAD":
            writer.run(f"TRUNCATE TABLE {table.qualified}")
        if self._settings.prep_mode == "DROP_AND_CREATE":
            _recreate(writer, table)


def _recreate(writer: Connection, table: Table) -> None:
    """Make the table anew with its columns and primary key: all else is lost, as with DMS (AWS_RULES R2.4)."""
    bare = f"{identifier(table.schema)}.{identifier(f'dms_{table.name}'[:63])}"
    rows = writer.run(
        "SELECT string_agg(quote_ident(a.attname), ', ' ORDER BY array_position(i.indkey, a.attnum)) FROM pg_index i"
        " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = ANY (i.indkey)"
        " WHERE i.indisprimary AND i.indrelid = CAST(:name AS regclass)",
        name=table.qualified,
    )
    writer.run(f"CREATE TABLE {bare} (LIKE {table.qualified})")
    writer.run(f"DROP TABLE {table.qualified} CASCADE")
    writer.run(f"ALTER TABLE {bare} RENAME TO {identifier(table.name)}")
    if rows and rows[0][0]:
        writer.run(f"ALTER TABLE {table.qualified} ADD PRIMARY KEY ({rows[0][0]})")


def _drain(stream: RowStream, pump: threading.Thread) -> None:
    """Let the reading side finish when the writing side ended early."""
    while pump.is_alive():
        with contextlib.suppress(queue.Empty):
            stream._chunks.get(timeout=0.05)
    pump.join()
