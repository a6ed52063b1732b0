"""announce_outcome: an execution ended; on-call is told what that means. A dry run that ended well is nobody's news."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.endings import parse_ending
from migration.executions import Executions
from migration.ledger import Ledger
from migration.notices import Notices
from migration.outcome import look


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes a "Step Functions Execution Status Change" event; returns {"subject"} of the message, {} without one."""
    detail, executions = event["detail"], Executions(clients.stepfunctions())
    ending = parse_ending(detail, detail.get("input") or executions.input_of(detail["executionArn"]))
    if ending.status == "SUCCEEDED" and ending.is_dry_run:
        return {}
    message = look(ending, Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]), executions)
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
    return {"subject": message.subject}
