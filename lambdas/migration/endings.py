"""How an execution ended, from EventBridge's "Step Functions Execution Status Change". Pure."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration.model import migration_id_for

STOPPED_STATUSES = frozenset({"ABORTED", "TIMED_OUT"})
# No Catch takes these (Step Functions developer guide, "Error names"): to the migration they are a stop like any other.
UNCATCHABLE_ERRORS = frozenset({"States.Runtime", "States.DataLimitExceeded"})
UNKNOWN_SOURCE = "unknown source"


@dataclass(frozen=True)
class Ending:
    """`status` is SUCCEEDED, FAILED, TIMED_OUT or ABORTED; `asked` the execution's input; `stopped_at` as in the event."""

    execution_arn: str
    status: str
    error: str
    cause: str
    asked: Mapping[str, Any]
    stopped_at: str

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
    def undo_name(self) -> str:
        """Name of the execution that takes over: the same each time this ending is told, another for the next one."""
        ending = hashlib.sha256(f"{self.execution_arn}{self.stopped_at}".encode()).hexdigest()[:8]
        return f"undo-{self.migration_id}-{ending}"

    @property
    def undo_arn(self) -> str:
        """ARN of the execution of that name."""
        return f"{self.execution_arn.rsplit(':', 1)[0]}:{self.undo_name}"


def parse_ending(detail: Mapping[str, Any], asked: str) -> Ending:
    """`detail` of the event, and the input of the execution as text, which the event leaves out when it is long."""
    return Ending(
        detail["executionArn"],
        detail["status"],
        detail.get("error") or "",
        _sentence(detail.get("cause") or ""),
        _object(asked),
        str(detail.get("stopDate", "")),
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
