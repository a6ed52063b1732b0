"""RedriveExecution: an execution that failed, was stopped or timed out goes on in the state in which it ended.

Step Functions developer guide, "Restarting state machine executions with redrive". ministack does not have it.
"""

import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions

from rehearsal.account.mends import execution_events

_MAX_TOKENS = 10


def apply() -> None:
    """Answer RedriveExecution."""
    serve = stepfunctions.handle_request

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if headers.get("x-amz-target", "").endswith(".RedriveExecution"):
            return stepfunctions._finalize_response(_redrive(json.loads(body or b"{}")))
        return await serve(method, path, headers, body, query)

    stepfunctions.handle_request = handle


def _redrive(data: dict[str, Any]) -> Any:
    arn, token = str(data.get("executionArn", "")), str(data.get("clientToken") or "")
    execution = stepfunctions._executions.get(arn)
    if execution is None:
        return error_response_json("ExecutionDoesNotExist", f"Execution Does Not Exist: '{arn}'", 400)
    tokens: list[str] = execution.setdefault("redriveTokens", [])
    if not token or token not in tokens:
        reason = execution_events.redrive_state(execution)["redriveStatusReason"]
        if reason:
            return error_response_json("ExecutionNotRedrivable", reason, 400)
        _go_on(execution)
        tokens[:] = [*tokens, *filter(None, [token])][-_MAX_TOKENS:]
    return json_response({"redriveDate": execution["redriveDate"]})


def _go_on(execution: dict[str, Any]) -> None:
    count = execution.get("redriveCount", 0) + 1
    execution.update(status="RUNNING", redriveCount=count, redriveDate=now_iso(), stopDate=None, output=None)
    execution.update(error=None, cause=None)
    details = {"executionRedrivenEventDetails": {"redriveCount": count}}
    stepfunctions._add_event(execution, "ExecutionRedriven", details)
    stepfunctions._emit_execution_status_event(execution)
    run = contextvars.copy_context().run
    threading.Thread(target=run, args=(stepfunctions._run_execution, execution["executionArn"]), daemon=True).start()
