"""ShiftReads: keeps the task token and starts the schedule that moves the reads step by step."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients, read_shifting
from migration.abort import require_not_aborted
from migration.begin import begin_forward
from migration.context import remember_context
from migration.ledger import Ledger
from migration.scheduler import Schedules, schedule_settings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"generation"}; the state itself goes on when `events.step_reads` answers the token."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("ShiftReads", event, ledger)
    remember_context(ledger, plan.migration_id, event["state"])
    schedules = Schedules(clients.scheduler(), schedule_settings())
    function_arn = os.environ["CROSSFADE_STEP_READS_ARN"]
    state = read_shifting.start(plan, event["taskToken"], ledger, schedules, function_arn, datetime.now(UTC))
    require_not_aborted(ledger, plan.migration_id)  # whoever aborts from now on finds the token
    return {"generation": state.generation}
