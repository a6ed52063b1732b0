"""Can the application write? Asked as the application would: a login of its own, a statement that writes nothing."""

from __future__ import annotations

from migration.access import Session
from migration.errors import CompensationFailed
from migration.identifiers import qualified, quoted

NOT_PERMITTED_TO_LOG_IN = "28000"


def prove_writable(application: Session, side: str) -> None:
    """Raises CompensationFailed when the application's session on `side` could not write. Changes no row.

    PostgreSQL refuses a write in a read-only transaction before it looks for rows, so a condition that is never true is
    probe enough; where the role may write to no table, only the transaction's mode is asked.
    """
    if application.value("SHOW transaction_read_only") != "off":
        raise CompensationFailed(f"The {side} still gives the application read-only transactions.")
    rows = application.rows(_WRITABLE_COLUMN)
    if rows:
        schema, table, column = (str(value) for value in rows[0])
        name = quoted(column)
        with application.transaction():
            application.execute(f"UPDATE {qualified(schema, table)} SET {name} = {name} WHERE false")  # noqa: S608


_WRITABLE_COLUMN = """
SELECT n.nspname, c.relname, a.attname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_attribute a ON a.attrelid = c.oid
WHERE c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname NOT IN ('information_schema', 'crossfade')
  AND has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'UPDATE')
  AND has_column_privilege(c.oid, a.attnum, 'SELECT')
LIMIT 1
"""
