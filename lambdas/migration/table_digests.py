"""Digests of a table's rows in hash buckets of its primary key. SQL, the same on both sides.

A row's text is PostgreSQL's own output of the whole row, so every column counts, generated ones too. Session settings
that change such text are fixed. Measured on PostgreSQL 18: about a million rows a second and core (DATABASES.md).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migration.access import Session
from migration.comparison import BUCKETS, Digest
from migration.identifiers import qualified, quoted

_SETTINGS = (
    "SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; SET extra_float_digits = 1; SET timezone = 'UTC';"
    " SET bytea_output = 'hex'; SET lc_monetary = 'C'; SET xmloption = 'content'; SET row_security = off;"
    " SET search_path = pg_catalog"
)


@dataclass(frozen=True)
class DigestTable:
    """A table to compare: plain, or the root of a partitioned one. `key` are the columns of its primary key."""

    schema: str
    name: str
    is_root: bool
    key: tuple[str, ...]


def fix_text(session: Session) -> None:
    """Makes the session print values the same way on both sides."""
    session.execute(_SETTINGS)


def digest_tables(session: Session) -> list[DigestTable]:
    """Every table of the application; partitions count with their root."""
    return [DigestTable(s, n, kind == "p", tuple(key or ())) for s, n, kind, key in session.rows(_TABLES)]


def digests(session: Session, table: DigestTable, buckets: Sequence[int]) -> dict[int, Digest]:
    """Digest of each of these buckets that has rows; one statement, so one moment in time."""
    rows = session.rows(_statement(table, buckets))
    return {int(bucket): Digest(int(count), int(total)) for bucket, count, total in rows}


def _statement(table: DigestTable, buckets: Sequence[int]) -> str:
    relation = ("" if table.is_root else "ONLY ") + qualified(table.schema, table.name)
    row = "crossfade_row"
    key = f"ROW({', '.join(f'{row}.{quoted(column)}' for column in table.key)})" if table.key else row
    bucket = f'(hashtextextended({key}::text COLLATE "C", 0) & {BUCKETS - 1})'
    where = "" if len(buckets) == BUCKETS else f" WHERE {bucket} IN ({', '.join(map(str, buckets))})"
    return (
        f'SELECT {bucket} AS bucket, count(*), sum(hashtextextended({row}::text COLLATE "C", 1)::numeric)'  # noqa: S608
        f" FROM {relation} AS {row}{where} GROUP BY 1"
    )


_TABLES = """
SELECT n.nspname, c.relname, c.relkind::text,
       (SELECT array_agg(a.attname::text ORDER BY array_position(i.indkey::int2[], a.attnum))
          FROM pg_index i JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = ANY(i.indkey::int2[])
         WHERE i.indrelid = c.oid AND i.indisprimary)
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
 WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relpersistence = 'p'
   AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'crossfade')
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                   AND d.deptype = 'e')
 ORDER BY pg_total_relation_size(c.oid) DESC, 1, 2
"""
