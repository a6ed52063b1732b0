"""Replication carries rows, not definitions: what was created or altered on one side only, its writes are not carried.

SQL on sessions of both sides.
"""

from __future__ import annotations

from migration.access import Session
from migration.assessment_queries import NOT_IN_EXTENSION, USER_SCHEMAS

SHOWN = 5
_COLUMNS = f"""
SELECT format('%I.%I.%I %s', n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod))
  FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
 WHERE {USER_SCHEMAS} AND {NOT_IN_EXTENSION} AND c.relkind IN ('r', 'p')
"""  # noqa: S608  (a constant)


def drift(old: Session, new: Session) -> str:
    """Columns that are on one side only, or of another type there, in one line; "" when there are none."""
    ours, theirs = ({str(row[0]) for row in session.rows(_COLUMNS)} for session in (old, new))
    differing = sorted(ours ^ theirs)
    more = f" and {len(differing) - SHOWN} more" if len(differing) > SHOWN else ""
    return ", ".join(differing[:SHOWN]) + more
