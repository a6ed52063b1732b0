"""CutOver: the writer moves to the target in one fenced invocation, or stays where it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, cut_over
from migration.begin import begin_forward
from migration.cut_over_steps import CutOverRun
from migration.ledger import Ledger
from migration.parameters import Parameters
from migration.route53 import DnsRecords
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"stallMs", "steps", "terminatedSessions", "markerMs", "targetPosition", "writer", "at"}.

    Raises SourceBusy, CutOverUndone, FlipIncomplete, CompensationFailed.
    """
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("CutOver", event, ledger)
    sides = sides_of(plan, event)
    sides.read_secrets()
    limit_ms = plan.options.stall_budget_ms
    with sides.source_admin(statement_timeout_ms=limit_ms) as source, sides.target_admin() as target:
        run = CutOverRun(
            plan=plan,
            sides=sides,
            ledger=ledger,
            records=DnsRecords(clients.route53(), plan.source.settings),
            parameters=Parameters(clients.ssm()),
            writer_prefix=os.environ["CROSSFADE_WRITER_PREFIX"],
            source=source,
            target=target,
        )
        return cut_over.cut_over(run)
