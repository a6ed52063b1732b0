"""Going back to the source during the bake, with every write made on Aurora.

Ledger: `rollBack` = `{"attempt", "by", "reason", "at"}`. SwitchBack works for one attempt, so this number rises only
when the one before it was undone. How a bake ends is decided by one conditional write (bake_ending.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migration import bake_ending
from migration.context import current_execution, require_unfinished
from migration.errors import MigrationBlocked, RollBackRequested
from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import OperatorRequest
from migration.takeover import take_over


def roll_back(
    ledger: Ledger, executions: Executions, state_machine_arn: str, request: OperatorRequest, now: datetime
) -> dict[str, Any]:
    """Lets SwitchBack begin; result `{"rollBack": {"attempt", "by", "at", …}}`. Doing it twice is one roll back.

    Raises MigrationBlocked, one sentence, when there is nothing to go back from or no way back.
    """
    migration_id = request.migration_id
    remembered = require_unfinished(ledger, migration_id)
    if "cutOver" not in remembered:
        raise MigrationBlocked(
            f"The writer of the migration {migration_id} has not moved, so there is nothing to go back from;"
            " crossfade-abort stops the migration."
        )
    execution_arn = current_execution(remembered)
    if executions.is_running(execution_arn):
        if bake_ending.ending_of(remembered) != bake_ending.ROLL_BACK:
            _decide(ledger, request, remembered, now)
        _wake(executions, ledger.read(migration_id))
    else:
        if not is_under_way(remembered):
            _decide(ledger, request, remembered, now)
        take_over(executions, state_machine_arn, migration_id, execution_arn)
    return {"rollBack": ledger.read(migration_id)["rollBack"], "next": "SwitchBack: crossfade-status follows it."}


def is_under_way(remembered: Mapping[str, Any]) -> bool:
    """An operator asked to go back, and that attempt has not been undone."""
    asked, journal = remembered.get("rollBack"), remembered.get("switchBack", {}).get("fence", {})
    undone = journal.get("state") == "unfenced" and asked and journal.get("attempt") == asked["attempt"]
    return asked is not None and not undone


def _decide(ledger: Ledger, request: OperatorRequest, remembered: Mapping[str, Any], now: datetime) -> None:
    """Another attempt begins, if there is a way back and the bake does not end otherwise."""
    bake_ending.require_open(request.migration_id, remembered, bake_ending.ROLL_BACK)
    _require_way_back(request.migration_id, remembered)
    attempt = int(remembered.get("rollBack", {}).get("attempt", 0)) + 1
    change = {"rollBack": {"attempt": attempt, **request.journal(now)}}
    bake_ending.decide(ledger, request.migration_id, remembered, bake_ending.ROLL_BACK, change)


def _wake(executions: Executions, remembered: Mapping[str, Any]) -> None:
    """Nobody waits any more when an earlier call got through, which is no error."""
    asked = remembered["rollBack"]
    error = RollBackRequested(f"{asked['by']} asked to go back to the source: {asked['reason']}")
    executions.fail(remembered["bake"]["taskToken"], error)


def _require_way_back(migration_id: str, remembered: Mapping[str, Any]) -> None:
    reverse = remembered.get("reverse", {})
    if reverse.get("state") != "running":
        since = f" since {reverse['since']}" if "since" in reverse else ""
        raise MigrationBlocked(
            f"The way back of the migration {migration_id} is {reverse.get('state', 'not prepared')}{since}: going back"
            " would lose writes made on Aurora. Its message says how to repair it; until then Aurora stays the writer."
        )
