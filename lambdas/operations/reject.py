"""reject: an operator refuses the cut-over; the migration is undone."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import approvals, clients
from migration.executions import Executions
from migration.ledger import Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "by"?, "reason"?}, returns {"decision", "decidedBy"}. Raises MigrationBlocked."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    executions = Executions(clients.stepfunctions())
    migration_id, decided_by = approvals.request(event)
    reason = str(event.get("reason", "no reason was given"))
    return approvals.reject(ledger, executions, migration_id, decided_by, reason)
