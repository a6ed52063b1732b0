"""A stopped execution is taken over: the ledger tells how far its migration had come, another execution goes on.

Step Functions runs no Catch when an execution is stopped or times out, so nobody would undo what it had begun.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from migration.claims import follow_claim
from migration.endings import Ending
from migration.errors import MigrationBlocked, Throttled
from migration.executions import Executions
from migration.ledger import Claim, Ledger
from migration.logs import logger
from migration.read_shifting import schedule_name
from migration.scheduler import Schedules

OVER = frozenset({"RolledBack", "Complete"})
COMPLETING = "Completing"
ATTEMPTS = 5
COMPENSATED = frozenset({"UnfenceSource", "RestoreReads", "StopReplication"})


def take_over(ending: Ending, ledger: Ledger, executions: Executions, state_machine_arn: str) -> dict[str, str]:
    """Starts the execution that takes over, if there is anything to take over. Result `{"undo", "why"}`.

    `undo` is the ARN of the execution, "" without one. The same ending told twice starts one execution.
    """
    if not ending.was_stopped:
        return {"undo": "", "why": f"an execution that ended as {ending.status} has undone what it had to"}
    remembered = ledger.read(ending.migration_id)
    if not remembered:
        return {"undo": "", "why": f"nothing had been begun for {ending.migration_id}"}
    if remembered.get("stage") in OVER:
        return {"undo": "", "why": f"the migration {ending.migration_id} is over: {remembered['stage']}"}
    logger.warning("%s was stopped: %s takes over", ending.execution_arn, ending.undo_name)
    executions.start(state_machine_arn, ending.undo_name, {"undo": ending.migration_id})
    return {"undo": ending.undo_arn, "why": f"{ending.execution_arn} was stopped"}


def recall(
    migration_id: str, execution_arn: str, ledger: Ledger, is_running: Callable[[str], bool], now: datetime
) -> dict[str, Any]:
    """From now on this execution drives the migration. The state of the machine to go on with:

    `{"source", "plan", "targetReady"?, "cutOver"?, "failure": {"Error", "Cause"}, "recalled": {"next"}}`.
    Raises MigrationBlocked when there is nothing to take over or somebody else drives it. Idempotent.
    """
    remembered = _unfinished(ledger, migration_id)
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
    if remembered.get("stage") == COMPLETING:
        return "Complete"
    if _is_going_back(remembered):
        return "SwitchBack"
    if "cutOver" in remembered:
        return "FinishCutOver"
    if remembered.get("fence", {"state": "unfenced"})["state"] != "unfenced":
        return "UnfenceSource"
    if remembered.get("readShift", {"state": "restored"})["state"] != "restored":
        return "RestoreReads"
    return "StopReplication"


def delete_schedules(remembered: Mapping[str, Any], migration_id: str, schedules: Schedules) -> None:
    """Nothing fires for the stopped execution any more. A bake that goes on makes its own again."""
    names = [f"crossfade-bake-{migration_id}", f"crossfade-reverse-{migration_id}"]
    if "readShift" in remembered:
        names.append(schedule_name(migration_id, remembered["readShift"]["generation"]))
    for name in names:
        schedules.delete(name)


def _unfinished(ledger: Ledger, migration_id: str) -> dict[str, Any]:
    remembered = ledger.read(migration_id)
    if "context" not in remembered:
        raise MigrationBlocked(f"The ledger knows no migration {migration_id}; take the id from its messages.")
    if remembered.get("stage") in OVER:
        raise MigrationBlocked(
            f"The migration {migration_id} is over ({remembered['stage']}); nothing is left to undo."
        )
    return remembered


def _is_going_back(remembered: Mapping[str, Any]) -> bool:
    """An operator asked to, and this attempt has not been undone."""
    asked, journal = remembered.get("rollBack"), remembered.get("switchBack", {}).get("fence", {})
    if asked is None:
        return False
    return not (journal.get("state") == "unfenced" and journal.get("attempt") == asked["attempt"])


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
