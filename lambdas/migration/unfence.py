"""The compensation of both ways: the old writer takes the application again, only if the new one never opened."""

from __future__ import annotations

from typing import Any

from migration import fence
from migration.direction import Direction
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.sides import Sides
from migration.write_probe import prove_writable


def unfence(direction: Direction, plan: MigrationPlan, sides: Sides, ledger: Ledger) -> dict[str, Any]:
    """Seals the new writer's gate, lifts the fence of the journal's roles and proves it by a login of the application.

    Result `{"roles"}`. Idempotent; without a journal the plan's roles are taken. Raises TargetAlreadyOpen or
    SourceAlreadyOpen when the old writer must stay fenced, CompensationFailed when it still refuses writes.
    """
    with sides.admin(direction.new) as new:
        direction.gate.seal(new)
    journal = direction.journal_in(ledger.read(plan.migration_id))
    roles = list(journal.get("roles", plan.source.application_roles))
    with sides.admin(direction.old) as old:
        fence.lift_fence(old, plan.source.settings.database_name, roles)
    # Of this attempt, even if it never fenced: by its number others know that it is over.
    undone = {"at": 0.0, **journal, "state": "unfenced", "roles": roles, "attempt": direction.attempt}
    ledger.update(plan.migration_id, {direction.journal: undone})
    with sides.application(direction.old, writable=False) as application:
        prove_writable(application, direction.old.value)
    return {"roles": roles}
