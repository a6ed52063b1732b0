"""Metrics that alarms are made on and ministack does not publish: ends of executions, depths of queues."""

import logging
import threading
import time
from typing import Any

from ministack.services import cloudwatch, sqs, stepfunctions

from rehearsal.account.time_factor import scaled

_log = logging.getLogger("crossfade.metrics")
_PERIOD_SECONDS = 60
_SHORTEST_PAUSE_SECONDS = 0.25
_EXECUTIONS = {
    "RUNNING": "ExecutionsStarted",
    "SUCCEEDED": "ExecutionsSucceeded",
    "FAILED": "ExecutionsFailed",
    "TIMED_OUT": "ExecutionsTimedOut",
    "ABORTED": "ExecutionsAborted",
}


def apply() -> None:
    """Publish at every change of an execution's status, and for queues once per AWS minute."""
    announce = stepfunctions._emit_execution_status_event

    def announced(execution: dict[str, Any]) -> None:
        dimensions = {"StateMachineArn": execution["stateMachineArn"]}
        name = _EXECUTIONS[execution["status"]]
        if execution["status"] == "RUNNING" and execution.get("redriveCount"):
            name = "ExecutionsRedriven"
        cloudwatch.record_metric("AWS/States", name, 1, "Count", dimensions)
        announce(execution)

    stepfunctions._emit_execution_status_event = announced
    threading.Thread(target=_watch_queues, daemon=True, name="crossfade-queue-metrics").start()


def _watch_queues() -> None:
    while True:
        time.sleep(max(scaled(_PERIOD_SECONDS), _SHORTEST_PAUSE_SECONDS))
        try:
            _publish_depths()
        except Exception:
            _log.exception("the depths of the queues could not be published")


def _publish_depths() -> None:
    now = time.time()
    for queue in list(sqs._queues.values()):
        visible = sum(message["visible_at"] <= now for message in list(queue["messages"]))
        cloudwatch.record_metric(
            "AWS/SQS", "ApproximateNumberOfMessagesVisible", visible, "Count", {"QueueName": queue["name"]}
        )
