"""announce_outcome: an execution ended; on-call is told what that means."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.notices import Notices
from migration.outcome_messages import outcome_message


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes a "Step Functions Execution Status Change" event, returns {"subject"} of the message sent."""
    message = outcome_message(event["detail"])
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
    return {"subject": message.subject}
