"""Reads what Step Functions hands to a task, and makes every log line say which migration and state it is about."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration.abort import require_not_aborted
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import MigrationPlan, from_json


def begin(state: str, event: Mapping[str, Any]) -> MigrationPlan:
    """The plan in a task's event: the whole state, or `{"taskToken", "state": {whole state}}` of a waiting task."""
    plan = from_json(MigrationPlan, event.get("state", event)["plan"])
    logger.append_keys(migrationId=plan.migration_id, state=state)
    logger.info("%s begins", state)
    return plan


def begin_forward(state: str, event: Mapping[str, Any], ledger: Ledger) -> MigrationPlan:
    """Like `begin`, for tasks before the target is the writer. Raises AbortRequested when an operator asked to stop."""
    plan = begin(state, event)
    require_not_aborted(ledger, plan.migration_id)
    return plan
