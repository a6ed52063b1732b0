"""Bake: finishes what the stall had no time for, then keeps the task token until the bake period is over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import bake, clients, messages
from migration.begin import begin
from migration.context import about, remember_context
from migration.dms import Dms
from migration.ledger import Ledger
from migration.names import Names
from migration.notices import Notices
from migration.route53 import DnsRecords
from migration.scheduler import Schedules, schedule_settings
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"endsAt"}; the state itself goes on when `events.finish_bake` answers the token."""
    plan = begin("Bake", event)
    state = event["state"]
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    remember_context(ledger, plan.migration_id, state)
    records = DnsRecords(clients.route53(), plan.source.settings)
    bake.settle(plan, sides_of(plan, state), records, Dms(clients.dms(), Names(plan)))
    schedules, function_arn = (
        Schedules(clients.scheduler(), schedule_settings()),
        os.environ["CROSSFADE_FINISH_BAKE_ARN"],
    )
    bake.begin_period(plan, event["taskToken"], ledger, schedules, function_arn, datetime.now(UTC))
    message = messages.writer_moved(about(plan), state["cutOver"]["stallMs"], plan.options.bake_days)
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
    return {"bakeDays": plan.options.bake_days}
