"""undo_stopped: an execution was stopped or timed out; another one takes over what it had begun."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, recall
from migration.endings import parse_ending
from migration.executions import Executions
from migration.ledger import Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes a "Step Functions Execution Status Change" event, returns {"started"}. Raises MigrationBlocked."""
    detail, executions = event["detail"], Executions(clients.stepfunctions())
    ending = parse_ending(detail, detail.get("input") or executions.input_of(detail["executionArn"]))
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    started = recall.undo_stopped(ending, ledger, executions, os.environ["CROSSFADE_STATE_MACHINE_ARN"])
    return {"started": started}
