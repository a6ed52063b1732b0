"""How an execution ended, from EventBridge's "Step Functions Execution Status Change". Pure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from migration.model import migration_id_for
from migration.names import takeover_name

STOPPED_STATUSES = frozenset({"ABORTED", "TIMED_OUT"})
# No Catch takes these (Step Functions developer guide, "Error names"): to the migration they are a stop like any other.
UNCATCHABLE_ERRORS = frozenset({"States.Runtime", "States.DataLimitExceeded"})
UNKNOWN_SOURCE = "unknown source"


@dataclass(frozen=True)
class Ending:
    """`status` is SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `asked` is the execution's input."""

    execution_arn: str
    status: str
    error: str
    cause: str
    asked: Mapping[str, Any]
    stopped_at: datetime

    @property
    def is_undo(self) -> bool:
        """Whether the execution took over a migration that another one had begun."""
        return "undo" in self.asked

    @property
    def is_dry_run(self) -> bool:
        """Whether it only made a plan."""
        return self.asked.get("mode") == "dry-run"

    @property
    def source(self) -> str:
        """As the input names it; an undo names its migration only."""
        return str(self.asked.get("source", UNKNOWN_SOURCE))

    @property
    def migration_id(self) -> str:
        """Of the migration that was begun, or taken over."""
        return str(self.asked["undo"]) if self.is_undo else migration_id_for(self.source, self.execution_arn)

    @property
    def was_stopped(self) -> bool:
        """Whether the execution ended in the middle of a state, so that nobody undoes what it had begun.

        An undo that failed so would fail again: that one is for an operator.
        """
        uncatchable = self.status == "FAILED" and self.error in UNCATCHABLE_ERRORS and not self.is_undo
        return self.status in STOPPED_STATUSES or uncatchable

    @property
    def successor_arn(self) -> str:
        """ARN of the execution that takes over when this one was stopped."""
        name = takeover_name(self.migration_id, self.execution_arn, self.stopped_at)
        return f"{self.execution_arn.rsplit(':', 1)[0]}:{name}"


def parse_ending(detail: Mapping[str, Any], asked: str) -> Ending:
    """`detail` of the event, times in milliseconds; the input as text, which the event leaves out when it is long."""
    return Ending(
        detail["executionArn"],
        detail["status"],
        detail.get("error") or "",
        _sentence(detail.get("cause") or ""),
        _object(asked),
        datetime.fromtimestamp((detail.get("stopDate") or 0) / 1000, UTC),
    )


def _object(text: str) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        given = json.loads(text)
        return given if isinstance(given, dict) else {}
    return {}


def _sentence(cause: str) -> str:
    """The message in what Lambda makes of an exception: `{"errorMessage", "errorType", "stackTrace"}`."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = json.loads(cause)
        return f"{error['errorType']}: {error['errorMessage']}"
    return cause
