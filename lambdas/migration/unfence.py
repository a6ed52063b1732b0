"""The compensation of the cut-over: the source takes the application again, only if the target never opened."""

from __future__ import annotations

from typing import Any

from migration import fence, gate
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.sides import Sides
from migration.write_probe import prove_writable


def unfence_source(plan: MigrationPlan, sides: Sides, ledger: Ledger) -> dict[str, Any]:
    """Seals the gate, lifts the fence of the journal's roles and proves it by a login of the application.

    Result `{"roles"}`. Idempotent; without a journal the plan's roles are taken. Raises TargetAlreadyOpen when the
    source must stay fenced, CompensationFailed when it still refuses writes.
    """
    with sides.target_admin() as target:
        gate.seal_gate(target)
    journal = ledger.read(plan.migration_id).get("fence", {})
    roles = list(journal.get("roles", plan.source.application_roles))
    with sides.source_admin() as source:
        fence.lift_fence(source, plan.source.settings.database_name, roles)
    ledger.update(plan.migration_id, {"fence": {**journal, "state": "unfenced", "roles": roles}})
    with sides.source_application(writable=False) as application:
        prove_writable(application)
    return {"roles": roles}
