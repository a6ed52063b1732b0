"""What on-call reads when a switch back did not happen. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from migration.messages import Message, Subject, compose, operation_command, runbook


def switch_back_undone(about: Subject, reason: str, ends_at: str) -> Message:
    """Aurora is still the writer; `ends_at` of the bake is ISO 8601, "" when it has not begun."""
    until = f" until {ends_at}" if ends_at else ""
    return compose(
        f"{about.source}: the switch back was undone, Aurora is still the writer",
        happened=[f"The writer of {about.source} could not be moved back from {about.cluster_id}: {reason}"],
        means=[
            f"{about.cluster_id} takes writes as before; {about.source} is closed. No write was lost.",
            f"The bake goes on{until}; reverse replication still brings the source every write.",
        ],
        do=[
            "Remove the reason, then go back once more:",
            operation_command("crossfade-roll-back", about.migration_id, about.region),
            f"Watch: {about.console_url}",
            runbook("switch-back-undone"),
        ],
    )


def sentence(failure: Mapping[str, str]) -> str:
    """What a Catch has kept, `{"Error", "Cause"}`, as a person reads it; the cause of a function's error is JSON."""
    cause = failure.get("Cause", "")
    with suppress(ValueError, KeyError, TypeError):
        cause = str(json.loads(cause)["errorMessage"])
    return f"{failure.get('Error', 'unknown')}: {cause}"
