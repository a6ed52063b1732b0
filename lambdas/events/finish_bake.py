"""finish_bake: the bake period is over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.bake import BakePeriod
from migration.executions import Executions
from migration.ledger import Ledger
from migration.scheduler import Schedules, schedule_settings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId"}, returns {"finished"}: false when nobody waited any more."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    schedules = Schedules(clients.scheduler(), schedule_settings())
    period = BakePeriod(ledger, schedules, Executions(clients.stepfunctions()))
    return {"finished": period.finish(str(event["migrationId"]))}
