"""abort: an operator stops a migration; before the cut-over it is undone, in the bake it goes back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients
from migration.aborting import abort
from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import parse_request


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "by"?, "reason"?}, returns {"abort" or "rollBack", "next"}. Raises MigrationBlocked."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    executions = Executions(clients.stepfunctions())
    machine_arn = os.environ["CROSSFADE_STATE_MACHINE_ARN"]
    return abort(ledger, executions, machine_arn, parse_request(event), datetime.now(UTC))
