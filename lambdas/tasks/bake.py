"""Bake: finishes what the stall had no time for, then keeps the task token until the bake period is over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import bake, bake_ending, clients, messages, replication_way, reverse_messages
from migration.begin import begin
from migration.context import about, remember_context
from migration.dms import Dms
from migration.executions import Executions
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.names import Names
from migration.notices import Notices
from migration.reverse_start import ReverseStart
from migration.route53 import DnsRecords
from migration.scheduler import Schedules, schedule_settings
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"bakeDays"}; the state itself goes on when `events.finish_bake` or an operator answers the token."""
    plan = begin("Bake", event)
    state = event["state"]
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    bake.require_current(ledger, plan.migration_id, event["executionArn"])
    remember_context(ledger, plan.migration_id, state)
    _settling(plan, state, ledger).settle()
    # Before the period begins: who may end it early must know of it, and no later message may come first.
    if ledger.update(plan.migration_id, {"writerMoved": "announced"}, expect={"writerMoved": None}):
        _announce(plan, state["cutOver"]["stallMs"], ledger.read(plan.migration_id)["reverse"]["state"])
    _begin_period(plan, event, ledger, datetime.now(UTC))
    return {"bakeDays": plan.options.bake_days}


def _settling(plan: MigrationPlan, state: Mapping[str, Any], ledger: Ledger) -> bake.Settling:
    names, client = Names(plan), clients.dms()
    reverse = ReverseStart(
        names,
        ledger,
        forward=Dms(client, names),
        reverse=Dms(client, names, replication_way.reverse(names)),
        tell_broken=lambda breakage: _send(reverse_messages.way_back_broken(about(plan), breakage)),
    )
    records = DnsRecords(clients.route53(), plan.source.settings)
    return bake.Settling(plan, sides_of(plan, state), records, ledger, reverse, state["cutOver"].get("dnsChange"))


def _begin_period(plan: MigrationPlan, event: Mapping[str, Any], ledger: Ledger, now: datetime) -> None:
    schedules = Schedules(clients.scheduler(), schedule_settings())
    functions = os.environ["CROSSFADE_FINISH_BAKE_ARN"], os.environ["CROSSFADE_WATCH_REVERSE_ARN"]
    period, task_token = bake.BakePeriod(plan, event["executionArn"], ledger, schedules, *functions), event["taskToken"]
    begun = period.begin(task_token, now)
    if bake_ending.ending_of({"bake": begun}):
        Executions(clients.stepfunctions()).succeed(task_token, {"endsAt": begun["endsAt"]})
    else:
        period.make_schedules(datetime.fromisoformat(begun["endsAt"]), now)


def _announce(plan: MigrationPlan, stall_ms: int, way_back: str) -> None:
    has_way_back = way_back == "running"
    _send(messages.writer_moved(about(plan), stall_ms, plan.options.bake_days, has_way_back=has_way_back))


def _send(message: messages.Message) -> None:
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
