"""remind_retirement: on-call is told that the old instance may go."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, messages
from migration.model import from_json
from migration.notices import Notices


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes what Complete scheduled, returns {"subject"} of the message sent."""
    about = from_json(messages.Subject, event)
    message = messages.retirement_due(about, event["instanceId"], event["finalSnapshotArn"])
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
    return {"subject": message.subject}
