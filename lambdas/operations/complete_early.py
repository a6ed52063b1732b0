"""complete_early: an operator ends the bake before its time."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import bake_ending, clients
from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import parse_request
from migration.scheduler import Schedules, schedule_settings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "by"?, "reason"?}, returns {"completion"}. Raises MigrationBlocked."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    executions = Executions(clients.stepfunctions())
    schedules = Schedules(clients.scheduler(), schedule_settings())
    machine_arn, request = os.environ["CROSSFADE_STATE_MACHINE_ARN"], parse_request(event)
    return bake_ending.complete_early(ledger, executions, schedules, machine_arn, request, datetime.now(UTC))
