"""How a bake ends: by completion or by a roll back, decided once by a conditional write of `bake.ending`.

A Bake that is entered again writes a new `bake` with a new token and no ending.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from migration.context import current_execution, require_unfinished
from migration.errors import MigrationBlocked
from migration.executions import Executions
from migration.ledger import Ledger
from migration.logs import logger
from migration.operator_request import OperatorRequest
from migration.scheduler import Schedules
from migration.takeover import take_over

COMPLETION, ROLL_BACK = "completion", "rollBack"
_DECIDED = {
    COMPLETION: "The bake of the migration {id} is over already: the migration completes and its way back is retired.",
    ROLL_BACK: "The migration {id} is being rolled back already: crossfade-status follows it.",
}


def extended(ends_at: str, now: datetime) -> str:
    """When the bake ends after a switch back was undone: not before a day has passed to try once more."""
    return max(ends_at, (now + timedelta(days=1)).isoformat(timespec="seconds"))


def schedule_name(migration_id: str) -> str:
    """The one-time schedule at the end of the bake."""
    return f"crossfade-bake-{migration_id}"


def ending_of(remembered: Mapping[str, Any]) -> str | None:
    """How the bake that the ledger remembers ends; None while that is open."""
    ending: str | None = remembered.get("bake", {}).get("ending")
    return ending


def require_open(migration_id: str, remembered: Mapping[str, Any], wanted: str) -> None:
    """Raises MigrationBlocked when the bake ends otherwise."""
    decided = ending_of(remembered)
    if decided in _DECIDED and decided != wanted:
        raise MigrationBlocked(_DECIDED[decided].format(id=migration_id))


def decide(
    ledger: Ledger, migration_id: str, remembered: Mapping[str, Any], ending: str, beside: Mapping[str, Any]
) -> None:
    """Writes the ending, and `beside` it in the same write. Raises MigrationBlocked without a bake or when it is over.

    A roll back that was undone may be decided again while its bake is remembered: no other Bake has begun since.
    """
    bake = remembered.get("bake")
    if bake is None:
        raise MigrationBlocked(f"The migration {migration_id} is not in its bake: crossfade-status says where it is.")
    before = ending if ending == ending_of(remembered) else None
    expected = {"bake.taskToken": bake["taskToken"], "bake.ending": before, "rollBack": remembered.get("rollBack")}
    if not ledger.update(migration_id, {"bake.ending": ending, **beside}, expect=expected):
        require_open(migration_id, ledger.read(migration_id), ending)
        raise MigrationBlocked(f"The bake of the migration {migration_id} has just changed: ask once more.")


def complete_early(
    ledger: Ledger,
    executions: Executions,
    schedules: Schedules,
    state_machine_arn: str,
    request: OperatorRequest,
    now: datetime,
) -> dict[str, Any]:
    """Ends the bake now: result `{"completion": {"by", "reason", "at"}}`. Doing it twice is fine.

    Where the execution has ended without completing, another one takes over and completes.

    Raises MigrationBlocked at any other moment.
    """
    remembered = require_unfinished(ledger, request.migration_id)
    decide(ledger, request.migration_id, remembered, COMPLETION, {"bake.endedBy": request.by})
    journal = request.journal(now)
    if not executions.succeed(remembered["bake"]["taskToken"], {"endsAt": journal["at"], "endedBy": request.by}):
        take_over(executions, state_machine_arn, request.migration_id, current_execution(remembered))
    schedules.delete(schedule_name(request.migration_id))
    return {"completion": journal}


def finish_period(migration_id: str, ledger: Ledger, executions: Executions) -> bool:
    """The bake's time is up: lets the execution go on. False when it does not wait, or goes back already."""
    remembered = ledger.read(migration_id)
    bake = remembered.get("bake")
    if bake is None or ending_of(remembered) == ROLL_BACK:
        logger.warning("there is no bake of %s to finish", migration_id)
        return False
    decide(ledger, migration_id, remembered, COMPLETION, {})
    return executions.succeed(str(bake["taskToken"]), {"endsAt": bake["endsAt"]})
