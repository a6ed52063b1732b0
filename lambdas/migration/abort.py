"""The wish of an operator to stop a migration, kept in the ledger so that every task before the cut-over sees it.

Ledger: `abort` = `{"by", "reason", "at"}` (ISO 8601 UTC). It is never taken back: a migration once aborted is undone.
"""

from __future__ import annotations

from migration.errors import AbortRequested
from migration.ledger import Ledger


def require_not_aborted(ledger: Ledger, migration_id: str) -> None:
    """Raises AbortRequested when an operator asked to stop; the message says who and why."""
    asked = ledger.read(migration_id).get("abort")
    if asked:
        raise AbortRequested(f"{asked['by']} asked to stop the migration: {asked['reason']}")
