"""The tables of a task and how far each one is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from pg8000.native import identifier

BEFORE_LOAD, LOADING, COMPLETED = "Before load", "Full load", "Table completed"
ERROR, MISSING, CANCELLED = "Table error", "Table does not exist", "Table cancelled"


@dataclass(frozen=True)
class Column:
    """A stored column; `large` when DMS takes it for a LOB ("text", "bytea"), else ''."""

    name: str
    large: str


@dataclass(frozen=True)
class Table:
    """A table of the source. Without a usable replica identity only its INSERTs are carried (AWS_RULES R3.2)."""

    schema: str
    name: str
    columns: tuple[Column, ...]
    has_identity: bool
    logged: bool
    bytes_estimate: int

    @property
    def qualified(self) -> str:
        return f"{identifier(self.schema)}.{identifier(self.name)}"

    @property
    def key(self) -> tuple[str, str]:
        return self.schema, self.name

    def column_list(self) -> str:
        return ", ".join(identifier(column.name) for column in self.columns)


@dataclass
class Progress:
    """How far one table is; the counts are rows."""

    table: Table
    state: str = BEFORE_LOAD
    loaded_rows: int = 0
    load_started: datetime | None = None
    load_ended: datetime | None = None
    inserts: int = 0
    updates: int = 0
    deletes: int = 0
    updated: datetime | None = None
    validation: str = "Not enabled"

    def begin(self) -> None:
        self.state, self.load_started, self.loaded_rows = LOADING, datetime.now(UTC), 0
        self.updated = self.load_started

    def end(self, state: str) -> None:
        self.state, self.load_ended = state, datetime.now(UTC)
        self.updated = self.load_ended

    def count(self, inserts: int, updates: int, deletes: int) -> None:
        """Add applied changes."""
        self.inserts, self.updates, self.deletes = (
            self.inserts + inserts,
            self.updates + updates,
            self.deletes + deletes,
        )
        self.updated = datetime.now(UTC)

    def description(self) -> dict[str, Any]:
        """The table as DescribeTableStatistics shows it."""
        times = {
            "FullLoadStartTime": self.load_started,
            "FullLoadEndTime": self.load_ended,
            "LastUpdateTime": self.updated,
        }
        return {
            "SchemaName": self.table.schema,
            "TableName": self.table.name,
            "Inserts": self.inserts,
            "Updates": self.updates,
            "Deletes": self.deletes,
            "Ddls": 0,
            "AppliedInserts": self.inserts,
            "AppliedUpdates": self.updates,
            "AppliedDeletes": self.deletes,
            "AppliedDdls": 0,
            "FullLoadRows": self.loaded_rows,
            "FullLoadCondtnlChkFailedRows": 0,
            "FullLoadErrorRows": 0,
            "FullLoadReloaded": False,
            "TableState": self.state,
            "ValidationPendingRecords": 0,
            "ValidationFailedRecords": 0,
            "ValidationSuspendedRecords": 0,
            "ValidationState": self.validation,
            **{name: moment for name, moment in times.items() if moment is not None},
        }
