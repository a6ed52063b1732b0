"""A Task state as Step Functions runs it: its role, its timeouts and heartbeats, its task token, its Retry and Catch.

ministack enforces no heartbeat and no timeout given by a path, lets a task-token Lambda that raises hang, gives every
attempt the same token, caps Retry waits at 60 seconds and knows neither MaxDelaySeconds nor JitterStrategy.
Of a plain task the work is real, so TimeoutSeconds is real seconds; waiting for a token is AWS time.
"""

import contextvars
import json
import random
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from ministack.core.responses import get_region
from ministack.services import stepfunctions

from rehearsal.account import faults
from rehearsal.account.mends import states_execution, states_role, states_token
from rehearsal.account.mends.states_execution import Stopped

MAX_RESULT_BYTES = 256 * 1024
_UNKNOWN_LAMBDA_ERRORS = {"Runtime.ExitError", "Sandbox.Timedout"}
_HEARTBEAT_CAUSE = "The task sent no heartbeat in time"
_Failure: Any = stepfunctions._ExecutionError


@dataclass(frozen=True)
class _Task:
    """One attempt of a Task state."""

    state: dict[str, Any]
    parameters: Any
    execution: dict[str, Any]
    timeout_seconds: float | None
    heartbeat_seconds: float | None
    token: str | None

    @property
    def resource(self) -> str:
        return str(self.state["Resource"])

    @property
    def is_function(self) -> bool:
        """Whether the resource is a function itself: its events have names of their own."""
        return ":function:" in self.resource


def apply() -> None:
    """Run the Task states of JSONPath machines here; JSONata ones stay with ministack."""
    original, matches = stepfunctions._execute_task, stepfunctions._error_matches

    def execute(state: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
        if stepfunctions._state_query_language(state, ctx) == "JSONata":
            return original(state, raw_input, execution, ctx)
        return _execute(state, raw_input, execution, ctx)

    def error_matches(names: list[str], error: str) -> bool:
        # AWS_RULES R8.2
        if error in ("States.DataLimitExceeded", "States.Runtime") and error not in names:
            return False
        return bool(matches(names, error))

    stepfunctions._execute_task = execute
    stepfunctions._error_matches = error_matches


def _execute(state: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
    attempts: dict[int, int] = {}
    while True:
        own = {**ctx, "State": {**ctx["State"], "RetryCount": sum(attempts.values())}}
        try:
            result = _attempt(state, raw_input, execution, own)
            result = stepfunctions._apply_result_selector(state, result)
            output = stepfunctions._apply_result_path(state, raw_input, result)
            return stepfunctions._apply_output_path(state, output, own), stepfunctions._next_or_end(state)
        except _Failure as failure:
            names = _names(failure)
            retrier, index = _find(stepfunctions._find_matching_retrier, names, state.get("Retry", []), attempts)
            if retrier is not None:
                states_execution.sleep(retry_delay_seconds(retrier, attempts.get(index, 0)))
                attempts[index] = attempts.get(index, 0) + 1
                continue
            catcher = next(
                filter(None, (stepfunctions._find_matching_catcher(state.get("Catch", []), n) for n in names)), None
            )
            if catcher is None:
                raise
            error = {"Error": failure.error, "Cause": failure.cause}
            return stepfunctions._apply_catcher(catcher, raw_input, own, "JSONPath", error), catcher["Next"]


def retry_delay_seconds(retrier: dict[str, Any], earlier: int) -> float:
    """AWS seconds before the next attempt, after `earlier` retries by this retrier."""
    delay = float(retrier.get("IntervalSeconds", 1) * retrier.get("BackoffRate", 2.0) ** earlier)
    delay = min(delay, float(retrier.get("MaxDelaySeconds", delay)))
    return random.uniform(0, delay) if retrier.get("JitterStrategy") == "FULL" else delay


def _names(failure: Any) -> list[str]:
    """A missed heartbeat is reported as States.Timeout and may also be matched as States.HeartbeatTimeout."""
    return ["States.HeartbeatTimeout", failure.error] if failure.cause == _HEARTBEAT_CAUSE else [failure.error]


def _find(find: Callable[..., Any], names: list[str], retriers: Any, attempts: Any) -> Any:
    found = [find(retriers, name, attempts) for name in names]
    return next((each for each in found if each[0] is not None), (None, -1))


def _attempt(state: Any, raw_input: Any, execution: Any, ctx: Any) -> Any:
    waits = ".waitForTaskToken" in state["Resource"]
    token = states_token.open_token(execution["stateMachineArn"]) if waits else None
    ctx["Task"] = {"Token": token}
    selected = stepfunctions._apply_input_path(state, raw_input, ctx)
    task = _Task(
        state=state,
        parameters=stepfunctions._apply_parameters(state, selected, ctx),
        execution=execution,
        timeout_seconds=_seconds(state, "TimeoutSeconds", selected),
        heartbeat_seconds=_seconds(state, "HeartbeatSeconds", selected),
        token=token,
    )
    try:
        return _run(task)
    finally:
        if token:
            states_token.close_token(token)


def _seconds(state: Any, field: str, selected: Any) -> float | None:
    value = state.get(field)
    if f"{field}Path" in state:
        value = stepfunctions._resolve_path(state[f"{field}Path"], selected)
        if not isinstance(value, int) or value <= 0:
            raise _Failure("States.Runtime", f"{field}Path must lead to a positive integer, not {value!r}")
    return None if value is None else float(value)


def _run(task: _Task) -> Any:
    _event(task, "Scheduled")
    try:
        states_role.check(task.execution, task.resource, task.parameters)
        _event(task, "Started")
        result = _await_token(task) if task.token else _in_real_time(task, lambda: _invoke(task))
        if len(json.dumps(result)) > MAX_RESULT_BYTES:
            cause = "The task returned a result with a size exceeding the maximum number of bytes service limit."
            raise _Failure("States.DataLimitExceeded", cause)
    except _Failure as failure:
        kind = "TimedOut" if failure.error == "States.Timeout" else "Failed"
        _event(task, kind, error=failure.error, cause=failure.cause)
        raise
    _event(task, "Succeeded", output=json.dumps(result))
    return result


def _event(task: _Task, step: str, **details: Any) -> None:
    if task.is_function:
        kind = f"LambdaFunction{step}"
        details |= {"resource": task.resource, "input": json.dumps(task.parameters)} if step == "Scheduled" else {}
    else:
        kind = f"Task{step}"
        service, _, resource = task.resource.removeprefix("arn:aws:states:::").rpartition(":")
        details |= {"resourceType": service, "resource": resource}
        if step == "Scheduled":
            details |= {"region": get_region(), "parameters": json.dumps(task.parameters)}
    if step == "Scheduled":
        timeouts = {"timeoutInSeconds": task.timeout_seconds, "heartbeatInSeconds": task.heartbeat_seconds}
        details |= {
            name: int(value) for name, value in timeouts.items() if value and (name[0] == "t" or not task.is_function)
        }
    name = kind[0].lower() + kind[1:] + "EventDetails"
    stepfunctions._add_event(task.execution, kind, {name: details} if details else None)


def _invoke(task: _Task) -> Any:
    """Call the task's resource; `api` faults of `lambda:InvokeFunction` by the machine's role strike here."""
    role = stepfunctions._state_machines[task.execution["stateMachineArn"]]["roleArn"].rsplit("/", 1)[-1]
    rule = faults.of_call(
        "lambda:InvokeFunction", role, lambda: f"{task.resource} {json.dumps(task.parameters, default=str)}"
    )
    failure = _Failure(f"Lambda.{rule['code']}", rule.get("message", "on purpose")) if rule and "code" in rule else None
    if failure and rule and rule["effect"] == "error":
        raise failure
    result = _call(task)
    if failure:
        raise failure
    return result


def _call(task: _Task) -> Any:
    try:
        return stepfunctions._invoke_resource(task.resource.replace(".waitForTaskToken", ""), task.parameters)
    except _Failure as failure:
        # Step Functions developer guide, "Handle transient Lambda service exceptions": timeouts and crashes of a
        # function are reported as Lambda.Unknown.
        if failure.error in _UNKNOWN_LAMBDA_ERRORS:
            raise _Failure("Lambda.Unknown", failure.cause) from failure
        if "InvocationLimitExceeded" in failure.cause:
            raise _Failure("Lambda.TooManyRequestsException", failure.cause) from failure
        raise


def _in_real_time(task: _Task, work: Callable[[], Any]) -> Any:
    """Do the work in a thread, left behind when TimeoutSeconds have passed or the execution has ended."""
    done, outcome = threading.Event(), {}

    def run() -> None:
        try:
            outcome["result"] = work()
        except Exception as error:
            outcome["error"] = error
        done.set()

    threading.Thread(target=contextvars.copy_context().run, args=(run,), daemon=True, name="crossfade-task").start()
    left, stop = task.timeout_seconds or float("inf"), states_execution.stopped()
    while not done.wait(min(left, 0.25)):
        left -= 0.25
        if stop.is_set():
            raise Stopped
        if left <= 0:
            raise _Failure("States.Timeout", "")
    if "error" in outcome:
        raise outcome["error"]
    return outcome["result"]


def _await_token(task: _Task) -> Any:
    """Hand out the token, then wait for it to come back; the waiting is AWS time."""
    output = _in_real_time(task, lambda: _invoke(task))
    _event(task, "Submitted", output=json.dumps(output))
    answer = states_token.await_answer(
        task.token or "", task.timeout_seconds, task.heartbeat_seconds, states_execution.stopped()
    )
    if answer is states_token.Overdue.HEARTBEAT:
        raise _Failure("States.Timeout", _HEARTBEAT_CAUSE)
    if answer is states_token.Overdue.TASK:
        raise _Failure("States.Timeout", "")
    if states_execution.stopped().is_set():
        raise Stopped
    if answer.error:
        raise _Failure(answer.error["Error"], answer.error["Cause"])
    return json.loads(answer.result)
