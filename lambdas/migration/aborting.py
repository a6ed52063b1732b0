"""Stops a migration because an operator asked to: the next task before the cut-over sees it, a waiting one is woken.

CutOver writes its fence journal only while there is no such wish; the wish is refused once the ledger has `cutOver`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migration.abort import abort_wish
from migration.context import current_execution, require_unfinished
from migration.errors import MigrationBlocked
from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import OperatorRequest
from migration.roll_back import roll_back
from migration.takeover import take_over

TOKENS = ("readShift", "approval")
UNDOING = "The migration is undone from where it is and the source stays the writer: crossfade-status follows it."
CUTTING_OVER = (
    "The cut-over has begun: it ends undone, or with Aurora as the writer, as crossfade-status will say."
    " If Aurora is the writer, abort once more: that goes back to the source."
)


def abort(
    ledger: Ledger, executions: Executions, state_machine_arn: str, request: OperatorRequest, now: datetime
) -> dict[str, Any]:
    """Before the cut-over everything is undone; after it this is `roll_back`. Doing it twice is fine.

    Result `{"abort": {"by", "reason", "at"}, "next"}` or that of `roll_back`. Raises MigrationBlocked when nothing is
    left to be undone, or nobody can undo it.
    """
    remembered = require_unfinished(ledger, request.migration_id)
    alive = executions.is_running(current_execution(remembered))
    if not alive and "preparation" not in remembered:
        raise MigrationBlocked(
            f"The execution of the migration {request.migration_id} ended before it changed anything:"
            " nothing is left to be undone."
        )
    if "cutOver" not in remembered:
        # The first wish stays; one that comes while the cut-over is recorded turns into a roll back below.
        wanted = {"abort": request.journal(now)}
        ledger.update(request.migration_id, wanted, expect={"abort": None, "cutOver": None})
        remembered = ledger.read(request.migration_id)
    if "cutOver" in remembered:
        return roll_back(ledger, executions, state_machine_arn, request, now)
    if not take_over(executions, state_machine_arn, request.migration_id, current_execution(remembered)):
        _wake(executions, remembered)
    fencing = remembered.get("fence", {}).get("state") == "fencing"
    return {"abort": remembered["abort"], "next": CUTTING_OVER if fencing else UNDOING}


def _wake(executions: Executions, remembered: Mapping[str, Any]) -> None:
    """Whichever of the tokens is waited for; the others are over, which is no error."""
    wanted = abort_wish(remembered)
    for token in (remembered[key]["taskToken"] for key in TOKENS if key in remembered):
        if wanted:
            executions.fail(token, wanted)
