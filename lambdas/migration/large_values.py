"""How long the longest text, JSON or bytea value is, found in the restored copy, which costs the source nothing."""
# ruff: noqa: S608  (made of constants and quoted names of the catalog)

from __future__ import annotations

import time
from collections.abc import Callable

from migration.access import Session
from migration.assessment_queries import USER_SCHEMAS
from migration.errors import DatabaseRefused
from migration.identifiers import qualified, quoted

BUDGET_SECONDS = 240.0  # of StartReplication's 600
UNMEASURED_BYTES = 1 << 20
QUERY_CANCELED = "57014"
# Types DMS carries as LOBs (DMS User Guide, "Source data types for PostgreSQL"), and arrays, which it turns into text.
_LONG_COLUMNS = f"""
    SELECT n.nspname, c.relname, array_agg(a.attname::text)
      FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
      JOIN pg_type t ON t.oid = a.atttypid
     WHERE {USER_SCHEMAS} AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped AND a.attlen = -1
       AND a.attstorage <> 'p' AND t.typname <> 'numeric'
       AND NOT (t.typname IN ('varchar', 'bpchar', 'bit', 'varbit') AND a.atttypmod > 0)
     GROUP BY 1, 2, c.oid ORDER BY pg_table_size(c.oid)"""


def largest_value_bytes(session: Session, clock: Callable[[], float] = time.monotonic) -> int:
    """Small tables first. When the time is up, the rest counts as 1 MiB: a longer value stops DMS, it is never cut."""
    ends = clock() + BUDGET_SECONDS
    largest = 0
    for schema, table, columns in session.rows(_LONG_COLUMNS):
        left_ms = int((ends - clock()) * 1000)
        measured = _measure(session, schema, table, columns, left_ms) if left_ms > 0 else None
        largest = max(largest, UNMEASURED_BYTES if measured is None else measured)
    return largest


def _measure(session: Session, schema: str, table: str, columns: list[str], limit_ms: int) -> int | None:
    lengths = ", ".join(f"max(octet_length({quoted(column)}::text))" for column in columns)
    try:
        session.execute(f"SET statement_timeout = {limit_ms}")
        return int(session.value(f"SELECT greatest(0, {lengths}) FROM {qualified(schema, table)}"))
    except DatabaseRefused as refused:
        if refused.sqlstate != QUERY_CANCELED:
            raise
        return None
    finally:
        session.execute("RESET statement_timeout")
