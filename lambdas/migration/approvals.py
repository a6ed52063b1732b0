"""The decision of a person about the cut-over: asked for once, taken once."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from migration.errors import CutoverRejected, MigrationBlocked
from migration.executions import Executions
from migration.ledger import Ledger

WAITING, APPROVED, REJECTED = "waiting", "approved", "rejected"


def ask(ledger: Ledger, migration_id: str, task_token: str) -> None:
    """From now on the decision may be taken."""
    ledger.update(migration_id, {"approval": {"taskToken": task_token, "state": WAITING}})


def approve(
    ledger: Ledger, executions: Executions, migration_id: str, decided_by: str, now: datetime
) -> dict[str, Any]:
    """Lets the cut-over begin. Doing it twice is fine. Raises MigrationBlocked at any other moment."""
    approval = _decide(ledger, migration_id, APPROVED, decided_by)
    result = {"decision": APPROVED, "decidedBy": decided_by, "at": now.isoformat(timespec="seconds")}
    _require(ledger, migration_id, approval, delivered=executions.succeed(approval["taskToken"], result))
    return result


def reject(ledger: Ledger, executions: Executions, migration_id: str, decided_by: str, reason: str) -> dict[str, Any]:
    """Undoes the migration. Doing it twice is fine. Raises MigrationBlocked at any other moment."""
    approval = _decide(ledger, migration_id, REJECTED, decided_by)
    error = CutoverRejected(f"The cut-over was rejected by {decided_by}: {reason}")
    _require(ledger, migration_id, approval, delivered=executions.fail(approval["taskToken"], error))
    return {"decision": REJECTED, "decidedBy": decided_by}


def _decide(ledger: Ledger, migration_id: str, decision: str, decided_by: str) -> dict[str, Any]:
    approval: dict[str, Any] | None = ledger.read(migration_id).get("approval")
    if approval is None:
        raise MigrationBlocked(f"No migration {migration_id} waits for a decision; take the id from the message.")
    change = {"approval.state": decision, "approval.decidedBy": decided_by}
    decided = approval["state"] == decision or ledger.update(migration_id, change, expect={"approval.state": WAITING})
    if not decided:
        was = ledger.read(migration_id)["approval"]["state"]
        raise MigrationBlocked(f"The migration {migration_id} was {was} already; nothing was changed.")
    return approval


def _require(ledger: Ledger, migration_id: str, approval: dict[str, Any], *, delivered: bool) -> None:
    """Somebody was told, now or by an earlier call that decided the same."""
    if delivered:
        ledger.update(migration_id, {"approval.told": True}, expect={"approval.taskToken": approval["taskToken"]})
    elif "told" not in approval:
        raise MigrationBlocked(
            f"The migration {migration_id} does not wait for a decision any more: crossfade-status says where it is."
        )
