"""Reads what Step Functions hands to a task, and makes every log line say which migration and state it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration.abort import require_not_aborted
from migration.errors import AbortRequested
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import MigrationPlan, from_json


def begin(state: str, event: Mapping[str, Any]) -> MigrationPlan:
    """The plan in a task's event: the whole state, or `{"taskToken", "state": {whole state}}` of a waiting task."""
    plan = from_json(MigrationPlan, event.get("state", event)["plan"])
    logger.append_keys(migrationId=plan.migration_id, state=state)
    logger.info("%s begins", state)
    return plan


def begin_driven(state: str, event: Mapping[str, Any], ledger: Ledger) -> MigrationPlan:
    """Like `begin`, for the execution that drives the migration: whatever it changes may be another migration's later.

    Raises AbortRequested when another execution has taken over: one that was stopped may be redriven for 14 days.
    """
    plan = begin(state, event)
    driver = ledger.read(plan.migration_id).get("takenOverBy", plan.execution_arn)
    if driver != plan.execution_arn:
        raise AbortRequested(f"The migration {plan.migration_id} was taken over by {driver}.")
    return plan


def begin_forward(state: str, event: Mapping[str, Any], ledger: Ledger) -> MigrationPlan:
    """Like `begin_driven`, before the target is the writer: raises AbortRequested if an operator asked to stop too."""
    plan = begin_driven(state, event, ledger)
    require_not_aborted(ledger, plan.migration_id)
    return plan
