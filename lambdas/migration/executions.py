"""Step Functions: is an execution alive, and answers to the task tokens that waiting states gave out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

CAUSE_LIMIT = 32_768  # characters, API reference of SendTaskFailure
HISTORY_PAGE = 1000  # events, API reference of GetExecutionHistory


@dataclass(frozen=True)
class Execution:
    """As Step Functions describes it. `status` is RUNNING, SUCCEEDED, FAILED, TIMED_OUT, ABORTED or PENDING_REDRIVE."""

    status: str
    started_at: datetime
    stopped_at: datetime | None
    error: str
    cause: str


@dataclass(frozen=True)
class Position:
    """The state that was entered last, and the newest message of a wait since then ("" without one)."""

    state: str
    since: datetime
    progress: str


class Executions:
    """Adapter around one Step Functions client.

    The token methods return False when nobody waits for the token any more: the execution ended or went on.
    """

    def __init__(self, client: SFNClient) -> None:
        self._client = client
        gone = client.exceptions
        self._over = (gone.TaskTimedOut, gone.TaskDoesNotExist, gone.InvalidToken)

    def is_running(self, execution_arn: str) -> bool:
        """Whether the execution is still going on; one that AWS has forgotten (90 days) is not."""
        found = self.describe(execution_arn)
        return found is not None and found.status == "RUNNING"

    def describe(self, execution_arn: str) -> Execution | None:
        """None for an execution that never was or that AWS has forgotten (90 days after its end)."""
        try:
            found = self._client.describe_execution(executionArn=execution_arn)
        except self._client.exceptions.ExecutionDoesNotExist:
            return None
        return Execution(
            found["status"], found["startDate"], found.get("stopDate"), found.get("error", ""), found.get("cause", "")
        )

    def position(self, execution_arn: str) -> Position | None:
        """Where the execution is, or was when it ended: read from the newest event backwards; None when forgotten."""
        progress, page = "", dict[str, Any]()
        while True:
            try:
                page = dict(self._history(execution_arn, page.get("nextToken")))
            except self._client.exceptions.ExecutionDoesNotExist:
                return None
            for event in page["events"]:
                if entered := event.get("stateEnteredEventDetails"):
                    return Position(entered["name"], event["timestamp"], progress)
                failed = event.get("lambdaFunctionFailedEventDetails") or event.get("taskFailedEventDetails") or {}
                progress = progress or _sentence(failed.get("cause", ""))
            if "nextToken" not in page:
                return None

    def _history(self, execution_arn: str, token: str | None) -> Mapping[str, Any]:
        more: dict[str, Any] = {"nextToken": token} if token else {}
        return self._client.get_execution_history(
            executionArn=execution_arn, reverseOrder=True, maxResults=HISTORY_PAGE, includeExecutionData=False, **more
        )

    def start(self, state_machine_arn: str, name: str, value: Mapping[str, Any]) -> bool:
        """Starts an execution. The same name twice is one execution; False when it has ended already."""
        try:
            self._client.start_execution(stateMachineArn=state_machine_arn, name=name, input=json.dumps(value))
        except self._client.exceptions.ExecutionAlreadyExists:
            return False
        return True

    def input_of(self, execution_arn: str) -> str:
        """The execution's input as text, "" when AWS has forgotten the execution."""
        try:
            return self._client.describe_execution(executionArn=execution_arn).get("input", "")
        except self._client.exceptions.ExecutionDoesNotExist:
            return ""

    def heartbeat(self, task_token: str) -> bool:
        """Tells the waiting state that its work goes on."""
        try:
            self._client.send_task_heartbeat(taskToken=task_token)
        except self._over:
            return False
        return True

    def succeed(self, task_token: str, output: Mapping[str, Any]) -> bool:
        """Lets the waiting state go on with this result."""
        try:
            self._client.send_task_success(taskToken=task_token, output=json.dumps(output))
        except self._over:
            return False
        return True

    def fail(self, task_token: str, error: Exception) -> bool:
        """Fails the waiting state with the error's class name, which the state machine's Catch matches."""
        try:
            self._client.send_task_failure(
                taskToken=task_token, error=type(error).__name__, cause=str(error)[:CAUSE_LIMIT]
            )
        except self._over:
            return False
        return True


def _sentence(cause: str) -> str:
    """The message in what Lambda makes of an exception, `{"errorMessage", "errorType", ...}`."""
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
