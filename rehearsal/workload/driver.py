"""A PEP 249 face on pg8000 that prepares each statement once a connection, as a busy application's driver does.

pg8000's own cursor parses and plans every statement anew, in three round trips: too dear where one machine is client,
servers and account at once.
"""

from collections.abc import Sequence
from typing import Any

import pg8000.native
from pg8000.converters import make_params


class PreparedConnection:
    """A connection whose transactions begin with the first statement. `autocommit`: each statement is its own."""

    def __init__(self, connection: pg8000.native.Connection) -> None:
        self.autocommit = False
        self._connection = connection
        self._in_transaction = False
        self._prepared: dict[str, tuple[Any, ...]] = {}

    def cursor(self) -> "PreparedCursor":
        """A cursor on this connection."""
        return PreparedCursor(self)

    def commit(self) -> None:
        """Commits what was begun. Raises the server's error if it did not commit."""
        self._end("commit")

    def rollback(self) -> None:
        """Rolls back what was begun."""
        self._end("rollback")

    def close(self) -> None:
        """Closes the connection."""
        self._connection.close()

    def run(self, operation: str, args: Sequence[Any]) -> Any:
        """Runs one statement with `%s` parameters; pg8000's context with `rows` and `row_count`."""
        if not (self.autocommit or self._in_transaction):
            self._connection.execute_simple("begin")
            self._in_transaction = True
        name, columns, converters, statement = self._prepare(operation)
        params = make_params(self._connection.py_types, args)
        return self._connection.execute_named(name, params, columns, converters, statement)

    def _prepare(self, operation: str) -> tuple[Any, ...]:
        if operation not in self._prepared:
            first, *rest = operation.split("%s")
            statement = first + "".join(f"${number}{text}" for number, text in enumerate(rest, 1))
            self._prepared[operation] = (*self._connection.prepare_statement(statement, ()), statement)
        return self._prepared[operation]

    def _end(self, how: str) -> None:
        if self._in_transaction:
            self._connection.execute_simple(how)
            self._in_transaction = False


class PreparedCursor:
    """The cursor: `execute`, then `rowcount`, `fetchone`, `fetchall`."""

    def __init__(self, connection: PreparedConnection) -> None:
        self.rowcount = -1
        self._connection = connection
        self._rows: list[Any] = []

    def execute(self, operation: str, args: Sequence[Any] = ()) -> None:
        """Runs one statement."""
        done = self._connection.run(operation, args)
        self.rowcount, self._rows = done.row_count, list(done.rows or [])

    def fetchone(self) -> Any:
        """The next row, or None."""
        return self._rows.pop(0) if self._rows else None

    def fetchall(self) -> list[Any]:
        """All rows not yet fetched."""
        rows, self._rows = self._rows, []
        return rows
