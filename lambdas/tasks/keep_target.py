"""KeepTarget, a compensation after SwitchBack: the source is as it was found, the target stays for inspection."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_driven
from migration.context import is_rolled_back
from migration.errors import RetirementPending
from migration.ledger import Ledger
from migration.names import Names
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.sides import sides_of
from migration.source_restoring import SourceRestoring


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"clusterId"} of the target, fenced and protected as before. Raises RetirementPending until done."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("KeepTarget", event, ledger)
    rds, records = Rds(clients.rds()), DnsRecords(clients.route53(), plan.source.settings)
    restoring = SourceRestoring(sides_of(plan, event), ledger, records, rds)
    if not is_rolled_back(ledger, plan.migration_id):
        restoring.restore_records()
        if not rds.delete_snapshot(Names(plan).snapshot):
            raise RetirementPending(f"snapshot {Names(plan).snapshot} is still being taken")
        restoring.restore_source()
    restoring.release()
    return {"clusterId": plan.target.cluster_id}
