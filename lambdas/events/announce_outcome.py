"""announce_outcome: an execution ended; on-call is told what that means. A dry run that ended well is nobody's news."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.notices import Notices
from migration.outcome_messages import outcome_message


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes a "Step Functions Execution Status Change" event; returns {"subject"} of the message, {} without one."""
    if _is_finished_dry_run(event["detail"]):
        return {}
    message = outcome_message(event["detail"])
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
    return {"subject": message.subject}


def _is_finished_dry_run(detail: Mapping[str, Any]) -> bool:
    """The event carries the execution's input as text, and leaves it out when it is too long."""
    asked = json.loads(detail.get("input") or "{}")
    return detail["status"] == "SUCCEEDED" and isinstance(asked, dict) and asked.get("mode") == "dry-run"
