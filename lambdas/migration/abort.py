"""The wish of an operator to stop a migration, kept in the ledger so that every task before the cut-over sees it.

Ledger: `abort` = `{"by", "reason", "at"}` (ISO 8601 UTC). It is never taken back: a migration once aborted is undone.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration.errors import AbortRequested
from migration.ledger import Ledger


def abort_wish(remembered: Mapping[str, Any]) -> AbortRequested | None:
    """The error that says who asked to stop and why; None when nobody has."""
    asked = remembered.get("abort")
    return AbortRequested(f"{asked['by']} asked to stop the migration: {asked['reason']}") if asked else None


def require_not_aborted(ledger: Ledger, migration_id: str) -> None:
    """Raises AbortRequested when an operator asked to stop."""
    wanted = abort_wish(ledger.read(migration_id))
    if wanted:
        raise wanted
