"""DiscardTarget, a compensation: target and snapshot are gone, the source is as it was found, the claim is free."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.aurora import Aurora
from migration.begin import begin_driven
from migration.context import is_rolled_back
from migration.errors import RetirementPending, TargetAlreadyOpen
from migration.gate import Gate, TargetGate
from migration.ledger import Ledger
from migration.names import Names
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.sides import Sides, sides_of
from migration.source_restoring import SourceRestoring
from migration.target_preparation import is_closed
from migration.weights import Side


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"restored": true}. Raises TargetAlreadyOpen for a target in use, else RetirementPending until done."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("DiscardTarget", event, ledger)
    sides, rds, records = sides_of(plan, event), Rds(clients.rds()), DnsRecords(clients.route53(), plan.source.settings)
    restoring = SourceRestoring(sides, ledger, records, rds)
    if not is_rolled_back(ledger, plan.migration_id):
        _require_not_in_use(sides, records)
        restoring.restore_records()
        Aurora(clients.rds(), plan).discard()
        if not rds.delete_snapshot(Names(plan).snapshot):
            raise RetirementPending(f"snapshot {Names(plan).snapshot} is still being taken")
        restoring.restore_source()
    restoring.release()
    return {"restored": True}


def _require_not_in_use(sides: Sides, records: DnsRecords) -> None:
    """The last guard before a deletion: a target that has taken writes is never deleted."""
    if records.writer_side() is Side.TARGET:
        raise TargetAlreadyOpen(f"{records.writer_name} points to the target: it must not be deleted.")
    cluster = Aurora(clients.rds(), sides.plan).cluster()
    if sides.endpoints is None or cluster is None or not cluster["DeletionProtection"]:
        return  # without the protection an earlier run has passed here, and its deletion is under way
    with sides.target_admin() as session:
        if is_closed(session) and TargetGate().read(session) is Gate.OPEN:
            raise TargetAlreadyOpen("The target takes writes already: it must not be deleted.")
