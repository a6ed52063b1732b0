"""Executions that end within seconds, a dry run or a refusal: their end, their states, and what they called."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rehearsal import execution
from rehearsal.execution import Execution

ENDS_WITHIN_SECONDS = 60.0
CALM_SECONDS = 1.0  # what an execution's end sets off is over by then
_OPERATOR = "operator"


class NotEnded(RuntimeError):
    """An execution that should end at once goes on; the message names it."""


@dataclass(frozen=True)
class ShortRun:
    """An execution that has ended. `sentence` is its cause, `calls` what roles of the app called meanwhile."""

    status: str
    states: list[str]
    error: str
    sentence: str
    history: list[dict[str, Any]]
    calls: list[dict[str, Any]]

    @property
    def changing_calls(self) -> list[dict[str, Any]]:
        """Calls that may have changed the account (rehearsal/account/call_record.py), other than announcing the end."""
        return [call for call in self.calls if call["mutating"] and call not in self.announcements]

    @property
    def announcements(self) -> list[dict[str, Any]]:
        """E-mails that tell on-call of the end; sent after it, by a function that is no part of the execution."""
        return [call for call in self.calls if call["action"] == "sns:Publish" and self._is_announcement(call)]

    def _is_announcement(self, call: Mapping[str, Any]) -> bool:
        after_the_end: bool = datetime.fromisoformat(call["at"]) >= self.history[-1]["timestamp"]
        return after_the_end and str(call["principal"]).startswith("crossfade-announce-outcome-")


def ended(migration: Execution, after_call: int) -> ShortRun:
    """Waits for the execution's end. Calls up to number `after_call` were made before it began. Raises NotEnded."""
    deadline = time.monotonic() + ENDS_WITHIN_SECONDS
    while (status := migration.status()) == "RUNNING":
        if time.monotonic() > deadline:
            raise NotEnded(f"{migration.arn} has not ended within {ENDS_WITHIN_SECONDS:g} s")
        time.sleep(0.1)
    time.sleep(CALM_SECONDS)
    history = migration.history()
    error, _, sentence = (execution.message(history[-1]) or "").partition(": ")
    return ShortRun(
        status=status,
        states=[stage.name for stage in execution.stages(history)],
        error=error,
        sentence=sentence,
        history=history,
        calls=[call for call in migration.account.calls(after_call) if call["principal"] != _OPERATOR],
    )
