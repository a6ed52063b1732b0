"""roll_back: an operator makes the source the writer again, with every write made on Aurora."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients
from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import parse_request
from migration.roll_back import roll_back


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "by"?, "reason"?}, returns {"rollBack", "next"}. Raises MigrationBlocked."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    executions = Executions(clients.stepfunctions())
    machine_arn = os.environ["CROSSFADE_STATE_MACHINE_ARN"]
    return roll_back(ledger, executions, machine_arn, parse_request(event), datetime.now(UTC))
