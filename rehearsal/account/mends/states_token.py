"""Task tokens: one per attempt, answered once, with heartbeats measured in AWS time.

Errors of SendTask*: `InvalidToken` for what is no token, `TaskTimedOut` for one whose task is over, `InvalidOutput`.
"""

import enum
import json
import threading
from dataclasses import dataclass, field
from typing import Any

from ministack.core.responses import error_response_json, json_response, new_uuid
from ministack.services import stepfunctions

from rehearsal.account.mends.schedule_work import heartbeat_clock
from rehearsal.account.time_factor import aws_monotonic, scaled

_TICK_SECONDS = 0.1


class Overdue(enum.Enum):
    """What has not come in time."""

    TASK = enum.auto()
    HEARTBEAT = enum.auto()


@dataclass
class _Answer:
    """What is known of an open token."""

    arrived: threading.Event = field(default_factory=threading.Event)
    beat: float = field(default_factory=heartbeat_clock)
    result: str = "null"
    error: dict[str, str] | None = None


_open: dict[str, _Answer] = {}
_closed: set[str] = set()
_machines: dict[str, str] = {}


def apply() -> None:
    """Answer SendTaskSuccess, SendTaskFailure and SendTaskHeartbeat here."""
    foreign = {name: getattr(stepfunctions, f"_send_task_{name}") for name in ("success", "failure", "heartbeat")}

    def send(name: str, take: Any) -> Any:
        def handle(data: dict[str, Any]) -> Any:
            token = data.get("taskToken", "")
            if token in stepfunctions._task_tokens:  # of an activity or a JSONata machine
                return foreign[name](data)
            refusal = _refusal(token, data.get("output") if name == "success" else None)
            if refusal is None:
                take(_open[token], data)
            return refusal or json_response({})

        return handle

    stepfunctions._send_task_success = send("success", _succeed)
    stepfunctions._send_task_failure = send("failure", _fail)
    stepfunctions._send_task_heartbeat = send("heartbeat", lambda answer, _: setattr(answer, "beat", heartbeat_clock()))


def resources(body: bytes) -> list[str]:
    """The state machine whose token a SendTask* call names: what CDK's `grant_task_response` grants on."""
    if b'"taskToken"' not in body:
        return []
    machine = _machines.get(json.loads(body).get("taskToken", ""))
    return [machine] if machine else []


def open_token(machine: str) -> str:
    """A new token of an execution of the state machine with this ARN."""
    token: str = new_uuid() + new_uuid().replace("-", "")
    _open[token], _machines[token] = _Answer(), machine
    return token


def close_token(token: str) -> None:
    """The task of the token is over."""
    _open.pop(token, None)
    _closed.add(token)


def await_answer(token: str, timeout: float | None, heartbeat: float | None, stop: threading.Event) -> Any:
    """Wait for the answer, or say what is overdue; `stop` ends the wait. Times are AWS seconds."""
    answer, deadline = _open[token], aws_monotonic() + (timeout or float("inf"))
    answer.beat = max(answer.beat, heartbeat_clock())
    while True:
        beat_left = answer.beat + (heartbeat or float("inf")) - heartbeat_clock()
        left = min(deadline - aws_monotonic(), beat_left)
        if answer.arrived.wait(max(0.0, min(scaled(left), _TICK_SECONDS))) or stop.is_set():
            return answer
        if aws_monotonic() >= deadline:
            return Overdue.TASK
        if heartbeat_clock() >= answer.beat + (heartbeat or float("inf")):
            return Overdue.HEARTBEAT


def _succeed(answer: _Answer, data: dict[str, Any]) -> None:
    answer.result = data["output"]
    answer.arrived.set()


def _fail(answer: _Answer, data: dict[str, Any]) -> None:
    answer.error = {"Error": data.get("error", ""), "Cause": data.get("cause", "")}
    answer.arrived.set()


def _refusal(token: str, output: str | None) -> Any:
    if token in _closed or (token in _open and _open[token].arrived.is_set()):
        message = "Task Timed Out: 'Provided task does not exist anymore'"
        return error_response_json("TaskTimedOut", message, 400)
    if token not in _open:
        return error_response_json("InvalidToken", "Invalid Token: 'Invalid token'", 400)
    try:
        json.loads(output if output is not None else "null")
    except ValueError:
        return error_response_json("InvalidOutput", "Invalid Output: 'the output is no JSON'", 400)
    return None
