"""A connection manager that loses no write when the writer moves.

Each process keeps a small pool for the writer and one for the reader. A *fence error* says that the server will not
take our write any more: read only, role locked, connection killed or refused. After one, the pooled connections of that
server are dropped, the new writer is learnt from the published endpoint and from DNS, and the WHOLE transaction is run
again.

Why running it again is safe: a killed connection may or may not have committed. So each transaction first inserts its
idempotency key into a table of the same database; when the key is already there, the transaction had committed, and its
stored result is returned instead. Create the table once (the name is yours to choose):

    create table crossfade_idempotency
        (key text primary key, result jsonb, created_at timestamptz not null default now())

Grant the application SELECT, INSERT, UPDATE on it. Rows older than your longest deadline may be deleted at any time.
"""

import json
import random
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

from crossfade_client.resolver import Answer, Endpoint, NameNotResolved, Resolver

T = TypeVar("T")

# 25006 read only, 28000 role may not log in, 57P01 terminated, 57P02 crash, 57P03 starting up; class 08 connection.
FENCE_STATES = frozenset({"25006", "28000", "57P01", "57P02", "57P03"})
# Rolled back by the server through no fault of the transaction: run again on the same connection.
BUSY_STATES = frozenset({"40001", "40P01", "53300"})
FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS = 0.005, 0.1
DEADLINE_SECONDS = 30.0
WRITER_AGE_SECONDS = 60.0
AGE_IN_TTLS = 5
UNCHECKED_SECONDS = 1.0  # a connection used this recently is not checked again: the check costs two round trips


class Connection(Protocol):
    """A PEP 249 connection, not in autocommit mode."""

    def cursor(self) -> Any: ...
    def commit(self) -> None: ...
    def rollback(self) -> None: ...
    def close(self) -> None: ...


Connect = Callable[[str, int, str], Connection]


class WriterUnavailable(ConnectionError):
    """The deadline passed before any server took the transaction. The cause is the last error."""


def sqlstate(error: BaseException) -> str | None:
    """The SQLSTATE of a driver's error (psycopg `sqlstate`, pg8000 `args[0]["C"]`), or None."""
    code = getattr(error, "sqlstate", None) or getattr(error, "pgcode", None)
    if code is None and error.args and isinstance(error.args[0], dict):
        code = error.args[0].get("C")
    return str(code) if code else None


def is_fence_error(error: BaseException) -> bool:
    """True when another connection, perhaps to another server, may take the transaction. Code and type decide."""
    state = sqlstate(error)
    if state is not None:
        return state in FENCE_STATES or state.startswith("08")
    if isinstance(error, OSError | EOFError):
        return True
    # PEP 249 fixes these names; without a SQLSTATE they mean that the connection is broken or was never made.
    return any(base.__name__ in {"InterfaceError", "OperationalError"} for base in type(error).__mro__)


class ConnectionManager:
    """Runs transactions on the writer and reads on the reader, wherever they are now. Safe to share between threads.

    `connect(address, port, server_name)` opens a PEP 249 connection: dial `address`, verify the certificate against
    `server_name`. Give it a connect timeout and a socket timeout, because a server that hangs without closing its
    connections is not a fence error until the driver says so. One manager holds as many connections as threads use it.

    `max_connection_age_seconds` bounds the life of reader connections, so that readers follow DNS weights (default five
    times the TTL of the reader's record); writer connections follow the record within its TTL and live a minute.
    `on_retry(error, attempt)` is called before each new attempt, for the application's metrics.
    """

    def __init__(
        self,
        writer: Endpoint,
        reader: Endpoint,
        connect: Connect,
        resolver: Resolver | None = None,
        published_writer: Callable[[], Endpoint | None] | None = None,
        *,
        idempotency_table: str = "crossfade_idempotency",
        max_connection_age_seconds: float | None = None,
        on_retry: Callable[[Exception, int], object] | None = None,
    ) -> None:
        resolver = resolver or Resolver()
        self._writer = _Route(writer, connect, resolver, WRITER_AGE_SECONDS, published_writer, follows_name=True)
        self._reader = _Route(reader, connect, resolver, max_connection_age_seconds, None, follows_name=False)
        self._idempotency_table = idempotency_table
        self._on_retry = on_retry

    def transaction(
        self, work: Callable[[Connection], T], idempotency_key: str, deadline_seconds: float = DEADLINE_SECONDS
    ) -> T:
        """Runs `work` exactly once in one transaction on the writer, whatever happens to the connection meanwhile.

        `work` gets a connection inside a transaction and neither commits nor rolls back; it may run several times, so
        its effects belong in the database only. Its result is stored beside the key as JSON (None is not stored) and is
        what a later call with the same key returns. Choose a key that names the request, not the attempt.

        Raises WriterUnavailable after `deadline_seconds`; any other error of `work` is raised as it is, rolled back.
        """

        def once(connection: Connection) -> T:
            return self._once(connection, work, idempotency_key)

        return self._persist(self._writer, once, deadline_seconds)

    def read(self, work: Callable[[Connection], T], deadline_seconds: float = DEADLINE_SECONDS) -> T:
        """Runs `work` on the reader, again on another connection if the first breaks. Raises as `transaction` does."""
        return self._persist(self._reader, work, deadline_seconds)

    def close(self) -> None:
        """Closes the idle connections. A connection in use is closed by the thread that uses it."""
        self._writer.drop(None)
        self._reader.drop(None)

    def _once(self, connection: Connection, work: Callable[[Connection], T], key: str) -> T:
        table, cursor = self._idempotency_table, connection.cursor()
        # An earlier attempt that still runs on a dying connection holds this key: the insert waits for its end.
        cursor.execute(f"insert into {table} (key) values (%s) on conflict do nothing", (key,))  # noqa: S608 (the table's name is configuration)
        if cursor.rowcount == 0:
            cursor.execute(f"select result from {table} where key = %s", (key,))  # noqa: S608
            stored: T = _decoded(cursor.fetchone()[0])
            return stored
        result = work(connection)
        if result is not None:
            cursor.execute(f"update {table} set result = %s where key = %s", (json.dumps(result), key))  # noqa: S608
        return result

    def _persist(self, route: "_Route", work: Callable[[Connection], T], deadline_seconds: float) -> T:
        deadline, attempt = time.monotonic() + deadline_seconds, 0
        while True:
            try:
                with route.lease() as connection:
                    return work(connection)
            except Exception as error:
                if not (is_fence_error(error) or sqlstate(error) in BUSY_STATES):
                    raise
                attempt += 1
                pause = min(FIRST_PAUSE_SECONDS * 2**attempt, LONGEST_PAUSE_SECONDS) * random.uniform(0.5, 1.0)  # noqa: S311
                if time.monotonic() + pause > deadline:
                    message = f"{route.endpoint.host} took nothing for {deadline_seconds:g} s in {attempt} attempts"
                    raise WriterUnavailable(message) from error
                if self._on_retry:
                    self._on_retry(error, attempt)
            time.sleep(pause)


@dataclass
class _Pooled:
    connection: Connection
    server: Answer
    born: float
    idle_since: float


class _Route:
    """One endpoint: the server it leads to now and the idle connections to it.

    `follows_name`: a connection to a server the name no longer stands for is closed at its next use (the writer);
    otherwise it lives its age (readers, whose name stands for several servers at once).
    """

    def __init__(
        self,
        endpoint: Endpoint,
        connect: Connect,
        resolver: Resolver,
        max_age_seconds: float | None,
        published_writer: Callable[[], Endpoint | None] | None,
        *,
        follows_name: bool,
    ) -> None:
        self.endpoint = endpoint
        self._connect, self._resolver = connect, resolver
        self._max_age_seconds, self._follows_name = max_age_seconds, follows_name
        self._published_writer = published_writer
        self._ahead_of_dns: Endpoint | None = None  # the published writer, while the DNS record still lags behind it
        self._idle: list[_Pooled] = []
        self._lock = threading.Lock()

    @contextmanager
    def lease(self) -> Iterator[Connection]:
        """A connection inside a transaction, committed at the end of the block."""
        server, pooled = self._target(), None
        try:
            pooled = self._take(server)
            yield pooled.connection
            pooled.connection.commit()
        except BaseException as error:
            self._settle(pooled, error)
            if is_fence_error(error):
                self._learn(pooled.server if pooled else server)
            raise
        self._give_back(pooled)

    def drop(self, server: Answer | None) -> None:
        """Closes the idle connections to `server`, or all."""
        with self._lock:
            dropped = [each for each in self._idle if server is None or each.server.address == server.address]
            self._idle = [each for each in self._idle if each not in dropped]
        for each in dropped:
            _close_quietly(each.connection)

    def _target(self) -> Answer:
        ahead = self._ahead_of_dns
        answer = self._resolver.resolve(self.endpoint.host)
        if ahead is None:
            return answer
        if answer.host == ahead.host.lower():
            self._ahead_of_dns = None
            return answer
        return self._resolver.resolve(ahead.host)

    def _learn(self, failed: Answer) -> None:
        self.drop(failed)
        published = self._published_writer() if self._published_writer else None
        # A published writer that itself just failed is not tried twice in a row: DNS may know better by now.
        self._ahead_of_dns = published if published and published.host.lower() != failed.host else None
        for name in {self.endpoint.host, self._ahead_of_dns.host if self._ahead_of_dns else self.endpoint.host}:
            with suppress(NameNotResolved):
                self._resolver.resolve(name, fresh=True)

    def _take(self, server: Answer) -> _Pooled:
        while (pooled := self._pop()) is not None:
            if self._usable(pooled, server):
                return pooled
            _close_quietly(pooled.connection)
        now = time.monotonic()
        return _Pooled(self._connect(server.address, self.endpoint.port, server.host), server, now, now)

    def _pop(self) -> _Pooled | None:
        with self._lock:
            return self._idle.pop() if self._idle else None

    def _give_back(self, pooled: _Pooled) -> None:
        pooled.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(pooled)

    def _usable(self, pooled: _Pooled, server: Answer) -> bool:
        now, ttl = time.monotonic(), pooled.server.ttl_seconds
        max_age = self._max_age_seconds if self._max_age_seconds is not None else AGE_IN_TTLS * ttl
        if now - pooled.born > max_age or (self._follows_name and pooled.server.address != server.address):
            return False
        return now - pooled.idle_since < UNCHECKED_SECONDS or _answers(pooled.connection)

    def _settle(self, pooled: _Pooled | None, error: BaseException) -> None:
        if pooled is None:
            return
        if isinstance(error, Exception) and not is_fence_error(error) and _rolled_back(pooled.connection):
            self._give_back(pooled)
        else:
            _close_quietly(pooled.connection)


def _answers(connection: Connection) -> bool:
    with suppress(Exception):
        connection.cursor().execute("select 1")
        connection.rollback()
        return True
    return False


def _rolled_back(connection: Connection) -> bool:
    with suppress(Exception):
        connection.rollback()
        return True
    return False


def _close_quietly(connection: Connection) -> None:
    with suppress(Exception):
        connection.close()


def _decoded(stored: Any) -> Any:
    """Drivers give a JSON column as text or already decoded."""
    return json.loads(stored) if isinstance(stored, str) else stored
