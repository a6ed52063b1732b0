"""An execution ends when it must: StopExecution ends its waits, TimeoutSeconds of the machine ends it, and so do 25,000
events. Its waits follow the pace.

ministack lets a stopped execution sleep on (and fail later), enforces no timeout of a machine, and numbers events
without `previousEventId`. A Lambda at work when its execution ends goes on to its own end; nobody looks at its result.
"""

import contextvars
import json
import threading
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions

from rehearsal.account.time_factor import wait

MAX_EVENTS = 25_000
_ENDINGS = {
    "SUCCEEDED": "ExecutionSucceeded",
    "FAILED": "ExecutionFailed",
    "ABORTED": "ExecutionAborted",
    "TIMED_OUT": "ExecutionTimedOut",
}
# Set when the run (the start or one redrive of an execution) is over, whatever its tasks are still doing.
_runs: dict[str, threading.Event] = {}
_current: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("crossfade_run", default=None)
_lock = threading.RLock()


class Stopped(Exception):
    """The execution has ended while one of its states was at work."""


def apply() -> None:
    """Let executions end on time, and say so in their history."""
    start, stop = stepfunctions._start_execution, stepfunctions._stop_execution

    def stop_now(data: dict[str, Any]) -> Any:
        execution = stepfunctions._executions.get(data.get("executionArn"))
        if execution and end(execution, "ABORTED", error=data.get("error"), cause=data.get("cause")):
            return json_response({"stopDate": execution["stopDate"]})
        return stop(data)

    stepfunctions._stop_execution = stop_now
    stepfunctions._start_execution = lambda data: _earlier_start(data) or start(data)
    stepfunctions._fail_execution = lambda execution, error, cause: end(execution, "FAILED", error=error, cause=cause)
    stepfunctions._add_event = _add_event
    stepfunctions._scaled_sleep = sleep
    # The original multiplies by a scale of its own; the time factor is in `sleep`.
    stepfunctions._SFN_WAIT_SCALE = 1.0


def begin(execution: dict[str, Any], timeout_seconds: float | None) -> None:
    """Begin a run of the execution in this thread and those it starts; it times out after so many seconds of AWS."""
    run = _runs[execution["executionArn"]] = threading.Event()
    _current.set(run)
    if not timeout_seconds:
        return

    def time_out() -> None:
        _current.set(run)
        if not wait(run, timeout_seconds):
            end(execution, "TIMED_OUT", error="States.Timeout")

    threading.Thread(target=time_out, daemon=True, name="crossfade-execution-timeout").start()


def end(execution: dict[str, Any], status: str, **outcome: str | None) -> bool:
    """End a running execution with `output`, or `error` and `cause`; False when it, or this thread's run, is over."""
    with _lock:
        if execution["status"] != "RUNNING" or stopped().is_set():
            return False
        execution.update(status=status, stopDate=now_iso(), **outcome)
        kind = _ENDINGS[status]
        details = {name: value for name, value in outcome.items() if value is not None}
        stepfunctions._add_event(execution, kind, {f"{kind[0].lower()}{kind[1:]}EventDetails": details})
        if run := _runs.pop(execution["executionArn"], None):
            run.set()
    stepfunctions._emit_execution_status_event(execution)
    return True


def stopped() -> threading.Event:
    """What is set when the execution that this thread works for has ended."""
    return _current.get() or threading.Event()


def sleep(seconds: float) -> None:
    """Wait `seconds` of AWS; raises Stopped when the execution ends meanwhile."""
    if wait(stopped(), seconds):
        raise Stopped


def _earlier_start(data: dict[str, Any]) -> Any:
    """The answer to a start that the service refuses, or that repeats one still running (StartExecution's rules)."""
    try:
        json.loads(data.get("input") or "{}")
    except ValueError:
        return error_response_json("InvalidExecutionInput", "Invalid State Machine Execution Input", 400)
    machine = str(data.get("stateMachineArn", "")).replace(":stateMachine:", ":execution:")
    earlier = stepfunctions._executions.get(f"{machine}:{data.get('name')}") if data.get("name") else None
    if earlier and earlier["status"] == "RUNNING" and earlier["input"] == data.get("input", "{}"):
        return json_response({"executionArn": earlier["executionArn"], "startDate": earlier["startDate"]})
    return None


def _add_event(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> dict[str, Any]:
    with _lock:
        number = len(execution["events"]) + 1
        event = {"id": number, "previousEventId": number - 1, "type": kind, "timestamp": now_iso(), **(details or {})}
        if kind.startswith("Execution"):
            execution["events"].append(event)
            return event
        if execution["status"] != "RUNNING" or stopped().is_set():
            raise Stopped
        if number >= MAX_EVENTS:
            raise stepfunctions._ExecutionError(
                "States.Runtime", f"The execution reached the maximum number of history events ({MAX_EVENTS})."
            )
        execution["events"].append(event)
        return event
