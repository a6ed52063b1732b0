"""step_reads: one firing of the read shift's schedule."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients
from migration.aurora import Aurora
from migration.begin import begin
from migration.context import recall_context
from migration.dms import Dms
from migration.executions import Executions
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.model import from_json
from migration.names import Names
from migration.read_gates import ReadGates
from migration.read_shift import Firing
from migration.read_shifting import Stepper
from migration.route53 import DnsRecords
from migration.scheduler import Schedules, schedule_settings
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "generation", "scheduledTime"}, returns {"action", "weight", "reason"}."""
    firing = from_json(Firing, event)
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    context = recall_context(ledger, firing.migration_id)
    plan = begin("StepReads", context)
    gates = ReadGates(
        plan,
        sides_of(plan, context),
        ledger,
        Aurora(clients.rds(), plan),
        Dms(clients.dms(), Names(plan)),
        Metrics(clients.cloudwatch()),
    )
    stepper = Stepper(
        ledger,
        DnsRecords(clients.route53(), plan.source.settings),
        Schedules(clients.scheduler(), schedule_settings()),
        Executions(clients.stepfunctions()),
        gates.look,
    )
    decision = stepper.step(firing, datetime.now(UTC))
    return {"action": decision.action.value, "weight": decision.weight, "reason": decision.reason}
