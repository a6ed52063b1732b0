"""An execution ends when it must: StopExecution ends its waits, TimeoutSeconds of the machine ends it, and so do 25,000
events. Its waits follow the pace.

ministack lets a stopped execution sleep on (and fail later), enforces no timeout of a machine, and numbers events
without `previousEventId`.
"""

import contextvars
import json
import threading
from collections import defaultdict
from typing import Any

from ministack.core.responses import error_response_json, json_response, now_iso
from ministack.services import stepfunctions

from rehearsal.account.time_factor import wait

MAX_EVENTS = 25_000
_stops: dict[str, threading.Event] = defaultdict(threading.Event)
_current: contextvars.ContextVar[threading.Event | None] = contextvars.ContextVar("crossfade_stop", default=None)
_events_lock = threading.Lock()


class Stopped(Exception):
    """The execution has ended while one of its states was at work."""


def apply() -> None:
    """Let executions end on time, and say so in their history."""
    run, start, stop = stepfunctions._run_execution, stepfunctions._start_execution, stepfunctions._stop_execution
    fail = stepfunctions._fail_execution

    def run_until_stopped(arn: str) -> None:
        _current.set(_stops[arn])
        _arm_timeout(stepfunctions._executions.get(arn))
        run(arn)
        _stops.pop(arn, None)

    def stop_now(data: dict[str, Any]) -> Any:
        answer = stop(data)
        if data.get("executionArn") in _stops:
            _stops[data["executionArn"]].set()
        return answer

    def fail_if_running(execution: dict[str, Any], error: str, cause: str) -> None:
        if execution["status"] == "RUNNING":
            fail(execution, error, cause)

    stepfunctions._run_execution = run_until_stopped
    stepfunctions._stop_execution = stop_now
    stepfunctions._start_execution = lambda data: _earlier_start(data) or start(data)
    stepfunctions._fail_execution = fail_if_running
    stepfunctions._add_event = _add_event
    stepfunctions._scaled_sleep = sleep
    # The original multiplies by a scale of its own; the time factor is in `sleep`.
    stepfunctions._SFN_WAIT_SCALE = 1.0


def stopped() -> threading.Event:
    """What is set when the execution that this thread works for has ended."""
    return _current.get() or threading.Event()


def sleep(seconds: float) -> None:
    """Wait `seconds` of AWS; raises Stopped when the execution ends meanwhile."""
    if wait(stopped(), seconds):
        raise Stopped


def _arm_timeout(execution: dict[str, Any] | None) -> None:
    machine = execution and stepfunctions._state_machines.get(execution["stateMachineArn"])
    seconds = json.loads(machine["definition"]).get("TimeoutSeconds") if machine else None
    if execution is None or not seconds:
        return
    stop = stopped()

    def time_out() -> None:
        if wait(stop, seconds) or execution["status"] != "RUNNING":
            return
        execution.update(status="TIMED_OUT", stopDate=now_iso(), error="States.Timeout")
        _add_event(execution, "ExecutionTimedOut", {"executionTimedOutEventDetails": {"error": "States.Timeout"}})
        stepfunctions._emit_execution_status_event(execution)
        stop.set()

    threading.Thread(target=time_out, daemon=True, name="crossfade-execution-timeout").start()


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
    with _events_lock:
        number = len(execution["events"]) + 1
        event = {"id": number, "previousEventId": number - 1, "type": kind, "timestamp": now_iso(), **(details or {})}
        if kind.startswith("Execution"):
            execution["events"].append(event)
            return event
        if execution["status"] != "RUNNING":
            raise Stopped
        if number >= MAX_EVENTS:
            raise stepfunctions._ExecutionError(
                "States.Runtime", f"The execution reached the maximum number of history events ({MAX_EVENTS})."
            )
        execution["events"].append(event)
        return event
