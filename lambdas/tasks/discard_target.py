"""DiscardTarget, a compensation: target and snapshot are gone, the source is as it was found, the claim is free."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, source_preparation
from migration.aurora import Aurora
from migration.begin import begin
from migration.errors import RetirementPending, TargetAlreadyOpen
from migration.gate import Gate, read_gate
from migration.ledger import Ledger
from migration.names import Names
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.sides import Sides, sides_of
from migration.target_preparation import is_closed
from migration.weights import Side


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"restored": true}. Raises TargetAlreadyOpen for a target in use, else RetirementPending until done."""
    plan = begin("DiscardTarget", event)
    names, rds, settings = Names(plan), Rds(clients.rds()), plan.source.settings
    records, ledger = DnsRecords(clients.route53(), settings), Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    preparation = ledger.read(plan.migration_id).get("preparation", {})
    sides = sides_of(plan, event)
    _require_not_in_use(sides, records)

    records.restore_simple(preparation.get("originalRecords", {}))
    Aurora(clients.rds(), plan).discard()
    if not rds.delete_snapshot(names.snapshot):
        raise RetirementPending(f"snapshot {names.snapshot} is still being taken")
    with sides.source_admin() as session:
        source_preparation.undo(session, names.replication_role)
    if preparation.get("autoMinorVersionUpgrade"):
        rds.set_auto_minor_version_upgrade(settings.instance_id, enabled=True)
    ledger.update(plan.migration_id, {"stage": "RolledBack"})
    ledger.release(plan.source.name, plan.migration_id)
    return {"restored": True}


def _require_not_in_use(sides: Sides, records: DnsRecords) -> None:
    """The last guard before a deletion: a target that has taken writes is never deleted."""
    if records.writer_side() is Side.TARGET:
        raise TargetAlreadyOpen(f"{records.writer_name} points to the target: it must not be deleted.")
    cluster = Aurora(clients.rds(), sides.plan).cluster()
    if sides.endpoints is None or cluster is None or not cluster["DeletionProtection"]:
        return  # without the protection an earlier run has passed here, and its deletion is under way
    with sides.target_admin() as session:
        if is_closed(session) and read_gate(session) is Gate.OPEN:
            raise TargetAlreadyOpen("The target takes writes already: it must not be deleted.")
