"""What on-call reads when a switch back did not happen. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress

from migration.messages import Message, Subject, compose, operation_command, runbook


def switch_back_undone(about: Subject, reason: str, ends_at: str, way_back: str = "running") -> Message:
    """Aurora is still the writer; `ends_at` of the bake is ISO 8601, "" when it has not begun.

    `way_back` is the ledger's `reverse.state`: what stopped the switch back may be that it broke.
    """
    until = f" until {ends_at}" if ends_at else ""
    follows = "reverse replication still brings the source every write."
    if way_back != "running":
        follows = f"reverse replication is {way_back}: its own message says what going back would lose."
    return compose(
        f"{about.source}: the switch back was undone, Aurora is still the writer",
        happened=[f"The writer of {about.source} could not be moved back from {about.cluster_id}: {reason}"],
        means=[
            f"{about.cluster_id} takes writes as before; {about.source} is closed. No write was lost.",
            f"The bake goes on{until}; {follows}",
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
