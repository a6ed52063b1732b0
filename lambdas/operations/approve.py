"""approve: an operator lets the cut-over begin."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import approvals, clients
from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import parse_request


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "by"?}, returns {"decision", "decidedBy", "at"}. Raises MigrationBlocked."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    executions = Executions(clients.stepfunctions())
    request = parse_request(event)
    return approvals.approve(ledger, executions, request.migration_id, request.by, datetime.now(UTC))
