"""Step Functions: is an execution alive, and answers to the task tokens that waiting states gave out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_stepfunctions import SFNClient

CAUSE_LIMIT = 32_768  # characters, API reference of SendTaskFailure


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
        try:
            return self._client.describe_execution(executionArn=execution_arn)["status"] == "RUNNING"
        except self._client.exceptions.ExecutionDoesNotExist:
            return False

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
