"""Where a database is and who logs in: values that never leave the process (no JSON form, no password in repr)."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Protocol


@dataclass(frozen=True)
class Address:
    """`host` is a name of the instance or cluster endpoint, never an alias: TLS verifies it (AWS_RULES R6.2)."""

    host: str
    port: int
    database: str


@dataclass(frozen=True)
class Credentials:
    """Contents of a secret `{"username", "password"}`."""

    username: str
    password: str = field(repr=False)


class Session(Protocol):
    """What SQL modules need of a database session; `database.Database` is the real one."""

    def rows(self, sql: str, **parameters: Any) -> list[list[Any]]:
        """Rows of one statement with `:name` parameters."""

    def value(self, sql: str, **parameters: Any) -> Any:
        """First column of the first row, None when there is none."""

    def execute(self, sql: str, **parameters: Any) -> int:
        """Runs a statement; the rows it touched."""

    def transaction(self) -> AbstractContextManager[None]:
        """BEGIN … COMMIT, ROLLBACK when the body raises."""
