"""A stopped execution is taken over: the ledger tells how far its migration had come, another execution goes on.

Step Functions runs no Catch when an execution is stopped or times out, so nobody would undo what it had begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from migration import bake_ending, read_shifting, reverse_watch
from migration.claims import follow_claim
from migration.context import OVER, current_execution, require_unfinished
from migration.endings import Ending
from migration.errors import Throttled
from migration.executions import Executions
from migration.ledger import Claim, Ledger
from migration.logs import logger
from migration.roll_back import is_under_way
from migration.scheduler import Schedules
from migration.takeover import take_over

ATTEMPTS = 5
COMPENSATED = frozenset({"UnfenceSource", "RestoreReads", "StopReplication"})


def undo_stopped(ending: Ending, ledger: Ledger, executions: Executions, state_machine_arn: str) -> bool:
    """Starts the execution that takes over from a stopped one; False when there is nothing to take over.

    The same ending told twice starts one execution.
    """
    if not ending.was_stopped:
        return False
    migration_id, remembered = ending.migration_id, ledger.read(ending.migration_id)
    if "context" not in remembered or remembered.get("stage") in OVER:
        logger.info("%s left nothing to undo", ending.execution_arn)
        return False
    if current_execution(remembered) != ending.execution_arn:
        logger.info("%s goes on with %s already", current_execution(remembered), migration_id)
        return False
    return take_over(executions, state_machine_arn, migration_id, ending.execution_arn)


def recall(
    migration_id: str, execution_arn: str, ledger: Ledger, is_running: Callable[[str], bool], now: datetime
) -> dict[str, Any]:
    """From now on this execution drives the migration. The state of the machine to go on with:

    `{"source", "plan", "targetReady"?, "cutOver"?, "failure": {"Error", "Cause"}, "recalled": {"next"}}`.
    Raises MigrationBlocked when there is nothing to take over or somebody else drives it. Idempotent.
    """
    remembered = require_unfinished(ledger, migration_id)
    source = remembered["context"]["plan"]["source"]["name"]
    wanted = Claim(migration_id, execution_arn, now.isoformat(timespec="seconds"))
    follow_claim(ledger, source, wanted, is_running)
    for _ in range(ATTEMPTS):
        following = next_state(remembered)
        abort = _abort(remembered, following, now)
        changes = {"takenOverBy": execution_arn, "context.plan.executionArn": execution_arn, **abort}
        if ledger.update(migration_id, changes, expect=_seen(remembered)):
            return _state({**remembered, **abort}, following, execution_arn)
        remembered = ledger.read(migration_id)  # the function that worked when its execution was stopped still does
    raise Throttled(f"The ledger's item of {migration_id} keeps changing.")


def next_state(remembered: Mapping[str, Any]) -> str:
    """Where the machine goes on, newest first: a name that HowFar knows."""
    if is_under_way(remembered):
        return "SwitchBack"
    if bake_ending.ending_of(remembered) == bake_ending.COMPLETION:
        return "Complete"
    if "cutOver" in remembered:
        return "FinishCutOver"
    if remembered.get("fence", {"state": "unfenced"})["state"] != "unfenced":
        return "UnfenceSource"
    if remembered.get("readShift", {"state": "restored"})["state"] != "restored":
        return "RestoreReads"
    return "StopReplication"


def delete_schedules(ledger: Ledger, migration_id: str, schedules: Schedules) -> None:
    """Nothing fires for the stopped execution any more. A bake that goes on makes its own again."""
    remembered = ledger.read(migration_id)
    names = [bake_ending.schedule_name(migration_id), reverse_watch.schedule_name(migration_id)]
    if "readShift" in remembered:
        names.append(read_shifting.schedule_name(migration_id, remembered["readShift"]["generation"]))
    for name in names:
        schedules.delete(name)


def _seen(remembered: Mapping[str, Any]) -> dict[str, Any]:
    """What the decision stands on. CutOver writes its journal only while there is no `abort`: one of the two loses."""
    fence: dict[str, Any] = {"fence": None}
    if "fence" in remembered:
        fence = {"fence.state": remembered["fence"]["state"]}
    return {**fence, "stage": remembered.get("stage"), **({} if "cutOver" in remembered else {"cutOver": None})}


def _abort(remembered: Mapping[str, Any], following: str, now: datetime) -> dict[str, Any]:
    """What keeps a task before the cut-over from going on; an operator's wish stays as it is."""
    if following not in COMPENSATED or "abort" in remembered:
        return {}
    at = now.isoformat(timespec="seconds")
    return {"abort": {"by": "the guard", "reason": "its execution had been stopped", "at": at}}


def _state(remembered: Mapping[str, Any], following: str, execution_arn: str) -> dict[str, Any]:
    plan = {**remembered["context"]["plan"], "executionArn": execution_arn}
    found = {"targetReady": remembered["context"].get("targetReady"), "cutOver": remembered.get("cutOver")}
    return {
        "source": plan["source"]["name"],
        "plan": plan,
        **{key: value for key, value in found.items() if value is not None},
        "failure": {"Error": "ExecutionStopped", "Cause": _cause(remembered)},
        "recalled": {"next": following},
    }


def _cause(remembered: Mapping[str, Any]) -> str:
    for key, wish in (("rollBack", "go back"), ("abort", "stop the migration")):
        if key in remembered:
            return f"{remembered[key]['by']} asked to {wish}: {remembered[key]['reason']}"
    return "The execution of this migration was stopped."
