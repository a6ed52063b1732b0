"""What EventBridge and DescribeExecution tell of an execution, with AWS's details of failures and of redriving.

Shapes: Step Functions developer guide, "Automating Step Functions event delivery with EventBridge"; API reference,
DescribeExecution. ministack leaves out the error of an aborted or timed-out execution, and knows no redrive.
"""

import json
from datetime import datetime
from typing import Any

from ministack.services import eventbridge, stepfunctions

from rehearsal.account.time_factor import aws_monotonic

REDRIVABLE_SECONDS = 14 * 86400
MAX_EVENTS_TO_REDRIVE = 24_999
_PAYLOAD_CAP_BYTES = 248 * 1024
# execution ARN -> AWS time of its last end
_ended: dict[str, float] = {}


def apply() -> None:
    """Emit status changes, and describe executions, with everything that AWS tells."""
    describe = stepfunctions._describe_execution

    def describe_with_redrive(data: dict[str, Any]) -> Any:
        status, headers, body = describe(data)
        execution = stepfunctions._executions.get(data.get("executionArn"))
        if execution:
            told = json.loads(body) | redrive_state(execution)
            body = json.dumps({key: value for key, value in told.items() if value is not None}).encode()
        return status, headers, body

    stepfunctions._describe_execution = describe_with_redrive
    stepfunctions._emit_execution_status_event = _emit


def redrive_state(execution: dict[str, Any]) -> dict[str, Any]:
    """`redriveCount`, `redriveDate`, `redriveStatus` and, when it cannot be redriven, `redriveStatusReason`."""
    reason = _reason(execution)
    return {
        "redriveCount": execution.get("redriveCount", 0),
        "redriveDate": execution.get("redriveDate"),
        "redriveStatus": "NOT_REDRIVABLE" if reason else "REDRIVABLE",
        "redriveStatusReason": reason or None,
    }


def _reason(execution: dict[str, Any]) -> str:
    if execution["status"] in ("RUNNING", "SUCCEEDED"):
        return f"Execution is {execution['status']} and cannot be redriven"
    if len(execution["events"]) >= MAX_EVENTS_TO_REDRIVE:
        return "Execution history event limit exceeded"
    if aws_monotonic() - _ended.get(execution["executionArn"], aws_monotonic()) > REDRIVABLE_SECONDS:
        return "Execution redrivable period exceeded"
    return ""


def _emit(execution: dict[str, Any]) -> None:
    if execution["status"] != "RUNNING":
        _ended[execution["executionArn"]] = aws_monotonic()
    if execution.get("sync"):
        return
    entry = {
        "Source": "aws.states",
        "DetailType": "Step Functions Execution Status Change",
        "Detail": json.dumps(_detail(execution)),
        "Resources": [execution["executionArn"]],
    }
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def _detail(execution: dict[str, Any]) -> dict[str, Any]:
    succeeded = execution["status"] == "SUCCEEDED"
    detail = {name: execution[name] for name in ("executionArn", "stateMachineArn", "name", "status")}
    detail |= {name: _epoch_milliseconds(execution.get(name)) for name in ("startDate", "stopDate")}
    for name, text in (("input", execution["input"]), ("output", execution["output"] if succeeded else None)):
        included = text is not None and len(text) <= _PAYLOAD_CAP_BYTES
        detail |= {name: text if included else None, f"{name}Details": {"included": included} if text else None}
    redrive = redrive_state(execution)
    redrive["redriveDate"] = _epoch_milliseconds(redrive["redriveDate"])
    failure = {name: None if succeeded else execution.get(name) or None for name in ("error", "cause")}
    return detail | {"stateMachineVersionArn": None, "stateMachineAliasArn": None} | redrive | failure


def _epoch_milliseconds(moment: str | None) -> int | None:
    return None if moment is None else int(datetime.fromisoformat(moment).timestamp() * 1000)
