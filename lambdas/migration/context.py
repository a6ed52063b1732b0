"""What functions outside the execution, and an execution that takes over, must know of a migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration.errors import MigrationBlocked, StateDrifted
from migration.ledger import Ledger
from migration.messages import Subject
from migration.model import MigrationPlan, from_json

KEPT = ("plan", "targetReady")
OVER = {
    "RolledBack": "was rolled back already: the source is the writer and nothing is left to be undone",
    "Complete": "is complete: Aurora is the writer and the way back has been retired",
}


def remember_context(ledger: Ledger, migration_id: str, state: Mapping[str, Any]) -> None:
    """Keeps the plan, and the target's endpoints as soon as the state has them; no secrets are in them."""
    ledger.update(migration_id, {"context": {key: state[key] for key in KEPT if key in state}})


def recall_context(ledger: Ledger, migration_id: str) -> dict[str, Any]:
    """`{"plan", "targetReady"?}`. Raises StateDrifted when nothing is remembered."""
    context = ledger.read(migration_id).get("context")
    if context is None:
        raise StateDrifted(f"The ledger knows no migration {migration_id}.")
    return dict(context)


def plan_of(context: Mapping[str, Any]) -> MigrationPlan:
    """The plan in a state or context."""
    return from_json(MigrationPlan, context["plan"])


def about(plan: MigrationPlan) -> Subject:
    """What a message to on-call is about."""
    return Subject(plan.source.name, plan.migration_id, plan.execution_arn, plan.target.cluster_id)


def require_known(ledger: Ledger, migration_id: str) -> dict[str, Any]:
    """What the ledger remembers. Raises MigrationBlocked for an id it does not know."""
    remembered = ledger.read(migration_id)
    if "context" not in remembered:
        raise MigrationBlocked(
            f"The ledger knows no migration {migration_id}: take the id from a message, or from plan.migrationId in the"
            " execution; a migration is known from its state ClaimMigration on."
        )
    return remembered


def require_unfinished(ledger: Ledger, migration_id: str) -> dict[str, Any]:
    """Like `require_known`. Raises MigrationBlocked when the migration has come to its end."""
    remembered = require_known(ledger, migration_id)
    if remembered.get("stage") in OVER:
        raise MigrationBlocked(f"The migration {migration_id} {OVER[remembered['stage']]}.")
    return remembered


def is_rolled_back(ledger: Ledger, migration_id: str) -> bool:
    """Whether the source has been given back: what is on it now may be another migration's."""
    return ledger.read(migration_id).get("stage") == "RolledBack"


def current_execution(remembered: Mapping[str, Any]) -> str:
    """ARN of the execution that has the migration: its own, or the one that took over when that was stopped."""
    return str(remembered.get("takenOverBy") or remembered["context"]["plan"]["executionArn"])
