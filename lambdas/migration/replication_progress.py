"""How far a DMS task is, and whether that is far enough. Pure: what DMS says in, progress as NotReady out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from migration.errors import ReplicaLagging, StateDrifted
from migration.markers import Passage

LOADED = "Table completed"
# DMS User Guide, "Table states during tasks": those from which a table does not come back by itself.
BROKEN = frozenset({"Table error", "Table does not exist", "Table cancelled", "Error"})
SHOWN_TABLES = 5


def require_loaded(stats: Mapping[str, Any], tables: Sequence[Mapping[str, Any]]) -> int:
    """The number of loaded tables, when all are. Raises StateDrifted naming broken ones, ReplicaLagging otherwise."""
    broken = [f"{_name(table)} ({table['TableState']})" for table in tables if table.get("TableState") in BROKEN]
    if broken:
        shown = ", ".join(broken[:SHOWN_TABLES])
        raise StateDrifted(f"DMS cannot carry {len(broken)} of {len(tables)} tables: {shown}. See the task's log.")
    loaded = sum(1 for table in tables if table.get("TableState") == LOADED)
    percent = int(stats.get("FullLoadProgressPercent", 0))
    if not tables or loaded < len(tables) or percent < 100:
        raise ReplicaLagging(f"full load {percent} %: {loaded} of {len(tables)} tables")
    return loaded


def require_low_lag(lag_seconds: float | None, max_lag_seconds: int) -> float:
    """Raises ReplicaLagging without a point of the metric (unknown is not zero), or when it is above the limit."""
    if lag_seconds is None:
        raise ReplicaLagging("all tables are loaded; DMS has sent no lag metric yet")
    if lag_seconds > max_lag_seconds:
        raise ReplicaLagging(f"replica lag {lag_seconds:.0f} s, the limit is {max_lag_seconds} s")
    return lag_seconds


def require_passage(passage: Passage, limit_seconds: float) -> float:
    """Seconds the marker took. Raises ReplicaLagging when it did not arrive in time."""
    if passage.seconds is None:
        raise ReplicaLagging(f"a marker written on the source did not arrive within {limit_seconds:.0f} s")
    return passage.seconds


def _name(table: Mapping[str, Any]) -> str:
    return f"{table.get('SchemaName')}.{table.get('TableName')}"
