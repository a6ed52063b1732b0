"""What functions outside the execution, and an execution that takes over, must know of a migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration.errors import StateDrifted
from migration.ledger import Ledger
from migration.messages import Subject
from migration.model import MigrationPlan, from_json

KEPT = ("plan", "targetReady")


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
