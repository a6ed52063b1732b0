"""DrillFailover: the target fails over once on purpose, and it is measured."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from typing import Any

from migration import clients
from migration.aurora import Aurora
from migration.begin import begin_forward
from migration.cluster_failover import fail_over
from migration.failover_drill import FailoverDrill
from migration.ledger import Ledger
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"writerBefore", "writerAfter", "outageSeconds", "caughtUpSeconds"}. Raises TargetNotReady."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("DrillFailover", event, ledger)
    aurora = Aurora(clients.rds(), plan)
    request = partial(fail_over, clients.rds(), plan.target.cluster_id)
    return FailoverDrill(plan, sides_of(plan, event), aurora, ledger, request).run()
