"""A PostgreSQL session over TLS, in autocommit, by pg8000. Driver errors become errors.py's, by SQLSTATE."""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from types import TracebackType
from typing import Any

from pg8000.exceptions import DatabaseError, InterfaceError
from pg8000.native import Connection, identifier, literal

from migration.access import Address, Credentials
from migration.errors import CrossfadeError, DatabaseRefused, Throttled

__all__ = ["Database", "identifier", "literal"]

# PostgreSQL's Appendix A: connection exceptions, rollbacks by concurrency, a full or starting server, a lock not got.
_PASSING_CLASSES = ("08", "40")
_PASSING_CODES = frozenset({"53300", "55P03", "57P01", "57P02", "57P03"})


class Database:
    """One session, named `crossfade` in pg_stat_activity. Use as a context manager."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    @classmethod
    def connect(
        cls,
        address: Address,
        credentials: Credentials,
        *,
        connect_timeout_seconds: float = 5.0,
        statement_timeout_ms: int = 60_000,
        writable: bool = True,
    ) -> Database:
        """Logs in.

        `writable` asks for read-write transactions in the startup packet, which outranks the fence's
        `ALTER DATABASE … SET default_transaction_read_only = on`; False leaves what the server says.
        Raises DatabaseRefused (28000: no login, 28P01: wrong password) or Throttled (unreachable, full, starting).
        """
        settings = {"statement_timeout": str(statement_timeout_ms), "lock_timeout": str(statement_timeout_ms)}
        if writable:
            settings["default_transaction_read_only"] = "off"
        with _translated(f"{address.host}:{address.port}"):
            door = socket.create_connection((address.host, address.port), connect_timeout_seconds)
            # The server ends a statement first; the socket's time only speaks when the server is gone.
            door.settimeout(statement_timeout_ms / 1000 + connect_timeout_seconds)
            return cls(
                Connection(
                    credentials.username,
                    host=address.host,
                    database=address.database,
                    password=credentials.password,
                    application_name="crossfade",
                    ssl_context=_tls(),
                    startup_params=settings,
                    sock=door,
                )
            )

    @classmethod
    def login_problem(cls, address: Address, credentials: Credentials) -> str | None:
        """Why these credentials cannot log in, None when they can. Raises Throttled when the server does not answer."""
        try:
            cls.connect(address, credentials, writable=False).close()
        except DatabaseRefused as refused:
            return str(refused)
        return None

    def rows(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Runs one statement with `:name` parameters; its rows, [] when it gives none."""
        with _translated("the database"):
            result: list[list[Any]] | None = self._connection.run(sql, **parameters)
            return [list(row) for row in result or []]

    def value(self, sql: str, **parameters: Any) -> Any:
        """First column of the first row, None when there is none."""
        rows = self.rows(sql, **parameters)
        return rows[0][0] if rows else None

    def execute(self, sql: str, **parameters: Any) -> int:
        """Runs a statement, or several without parameters; the rows the (last) statement touched."""
        with _translated("the database"):
            self._connection.run(sql, **parameters)
            return max(int(self._connection.row_count), 0)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """BEGIN … COMMIT, ROLLBACK when the body raises."""
        self.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.run("ROLLBACK")
            raise
        self.execute("COMMIT")

    def close(self) -> None:
        """Ends the session; one already gone is fine."""
        try:
            self._connection.close()
        except (InterfaceError, OSError):
            return

    def __enter__(self) -> Database:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


@contextmanager
def _translated(where: str) -> Iterator[None]:
    """`from None` throughout: a driver's error can carry the statement, and so a secret."""
    try:
        yield
    except DatabaseError as error:
        fields = error.args[0] if error.args and isinstance(error.args[0], dict) else {}
        raise _by_sqlstate(str(fields.get("C", "")), str(fields.get("M", "unknown error")), where) from None
    except (InterfaceError, OSError) as error:
        raise Throttled(f"{where} cannot be reached: {error}.") from None


def _by_sqlstate(sqlstate: str, message: str, where: str) -> CrossfadeError:
    if sqlstate[:2] in _PASSING_CLASSES or sqlstate in _PASSING_CODES:
        return Throttled(f"{where} answered {sqlstate}: {message}")
    return DatabaseRefused(f"{where} refused: {message} (SQLSTATE {sqlstate})", sqlstate)


@cache
def _tls() -> ssl.SSLContext:
    """Made once: loading certificates costs more than the handshake (DATABASES.md).

    There is no setting without TLS: RDS and Aurora always offer it, and so do the rehearsal's servers.
    """
    authority = os.environ.get("CROSSFADE_DATABASE_CA")
    if authority:
        return ssl.create_default_context(cafile=str(Path(__file__).resolve().parent.parent / authority))
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
