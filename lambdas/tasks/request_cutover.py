"""RequestCutover: keeps the task token and asks on-call; automatic approval answers itself."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import approvals, clients, messages
from migration.abort import require_not_aborted
from migration.begin import begin_forward
from migration.context import about, remember_context
from migration.executions import Executions
from migration.ledger import Ledger
from migration.notices import Notices


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"approval"}; the state itself goes on when a person, or the plan, has decided."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("RequestCutover", event, ledger)
    remember_context(ledger, plan.migration_id, event["state"])
    approvals.ask(ledger, plan.migration_id, event["taskToken"])
    require_not_aborted(ledger, plan.migration_id)  # whoever aborts from now on finds the token
    if plan.options.approval == "automatic":
        executions = Executions(clients.stepfunctions())
        approvals.approve(ledger, executions, plan.migration_id, "the execution's input", datetime.now(UTC))
    else:
        message = messages.approval_requested(about(plan), messages.facts(event["state"]))
        Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
    return {"approval": plan.options.approval}
