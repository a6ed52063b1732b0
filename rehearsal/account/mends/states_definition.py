"""A definition that Step Functions would refuse is refused, by CreateStateMachine, UpdateStateMachine and templates.

Rules: Amazon States Language specification; the codes in the messages are those of ValidateStateMachineDefinition.
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions
from ministack.services.cloudformation import provisioners

_TYPES = {"Task", "Pass", "Choice", "Wait", "Succeed", "Fail", "Parallel", "Map"}
_ENDINGS = {"Choice", "Succeed", "Fail"}
_State = dict[str, Any]


def apply() -> None:
    """Check definitions wherever one comes in."""
    check_jsonata, from_template = stepfunctions._validate_definition_jsonata, provisioners._sfn_definition

    def checked(definition: Any) -> str | None:
        problem = next(problems(definition), None)
        return f"Invalid State Machine Definition: '{problem}'" if problem else check_jsonata(definition)

    def templated(properties: Any) -> Any:
        definition = from_template(properties)
        problem = checked(definition)
        if problem:
            raise ValueError(problem)
        return definition

    stepfunctions._validate_definition_jsonata = checked
    provisioners._sfn_definition = templated


def problems(text: Any) -> Iterator[str]:
    """What is wrong with a definition, each with its place."""
    try:
        definition = json.loads(text)
    except (ValueError, TypeError) as error:
        yield f"INVALID_JSON_DESCRIPTION: {error}"
        return
    if not isinstance(definition, dict):
        yield "INVALID_JSON_DESCRIPTION: the definition is no object"
        return
    yield from _machine_problems(definition, "")


def _machine_problems(machine: _State, at: str) -> Iterator[str]:
    states, start = machine.get("States"), machine.get("StartAt")
    if not isinstance(states, dict) or not states:
        yield f"SCHEMA_VALIDATION_FAILED: States is missing or empty at {at}/States"
        return
    if not isinstance(start, str) or start not in states:
        yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {start} at {at}/StartAt"
        return
    for name, state in states.items():
        yield from _state_problems(state, states, f"{at}/States/{name}")
    for name in states.keys() - _reached(states, start):
        yield f'MISSING_TRANSITION_TARGET: State "{name}" is not reachable at {at}/States/{name}'


def _state_problems(state: _State, states: _State, at: str) -> Iterator[str]:
    kind = state.get("Type")
    if kind not in _TYPES:
        yield f"SCHEMA_VALIDATION_FAILED: Type {kind} is unknown at {at}/Type"
        return
    for field, target in _transitions(state):
        if target not in states:
            yield f"MISSING_TRANSITION_TARGET: Missing 'Next' target: {target} at {at}/{field}"
    if kind not in _ENDINGS and ("Next" in state) == bool(state.get("End")):
        yield f"SCHEMA_VALIDATION_FAILED: exactly one of Next and End is needed at {at}"
    if kind == "Choice" and not state.get("Choices"):
        yield f"SCHEMA_VALIDATION_FAILED: Choices is missing or empty at {at}/Choices"
    yield from _task_problems(state, at)
    for field in ("Retry", "Catch"):
        yield from _matcher_problems(state.get(field, []), f"{at}/{field}")
    yield from _path_problems(state.get("Parameters"), f"{at}/Parameters")
    yield from _nested_problems(state, at)


def _nested_problems(state: _State, at: str) -> Iterator[str]:
    for index, branch in enumerate(state.get("Branches", [])):
        yield from _machine_problems(branch, f"{at}/Branches[{index}]")
    for field in ("Iterator", "ItemProcessor"):
        if field in state:
            yield from _machine_problems(state[field], f"{at}/{field}")


def _task_problems(state: _State, at: str) -> Iterator[str]:
    if state.get("Type") != "Task":
        return
    if not str(state.get("Resource", "")).startswith("arn:"):
        yield f"SCHEMA_VALIDATION_FAILED: Value is not a valid resource ARN at {at}/Resource"
    timeout, heartbeat = state.get("TimeoutSeconds", 99_999_999), state.get("HeartbeatSeconds")
    if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout:
        yield f"SCHEMA_VALIDATION_FAILED: HeartbeatSeconds must be smaller than TimeoutSeconds at {at}"
    for field in ("TimeoutSeconds", "HeartbeatSeconds"):
        if field in state and f"{field}Path" in state:
            yield f"SCHEMA_VALIDATION_FAILED: only one of {field} and {field}Path may be given at {at}"


def _retrier_problems(retrier: _State, at: str) -> Iterator[str]:
    interval, longest = retrier.get("IntervalSeconds", 1), retrier.get("MaxDelaySeconds", 31_622_400)
    wrong = {
        "IntervalSeconds": not isinstance(interval, int) or interval < 1,
        "MaxAttempts": not isinstance(retrier.get("MaxAttempts", 3), int) or retrier.get("MaxAttempts", 3) < 0,
        "BackoffRate": retrier.get("BackoffRate", 2.0) < 1,
        "MaxDelaySeconds": not interval < longest <= 31_622_400,
        "JitterStrategy": retrier.get("JitterStrategy", "NONE") not in ("NONE", "FULL"),
    }
    for field in (field for field, bad in wrong.items() if bad):
        yield f"SCHEMA_VALIDATION_FAILED: {retrier.get(field)} is not allowed at {at}/{field}"


def _matcher_problems(matchers: list[_State], at: str) -> Iterator[str]:
    for index, matcher in enumerate(matchers):
        names = matcher.get("ErrorEquals")
        if not names:
            yield f"SCHEMA_VALIDATION_FAILED: ErrorEquals is missing or empty at {at}[{index}]"
        elif "States.ALL" in names and (len(names) > 1 or index < len(matchers) - 1):
            yield f"SCHEMA_VALIDATION_FAILED: States.ALL must stand alone and last at {at}[{index}]/ErrorEquals"
        yield from _retrier_problems(matcher, f"{at}[{index}]")


def _path_problems(template: Any, at: str) -> Iterator[str]:
    if isinstance(template, list):
        for index, each in enumerate(template):
            yield from _path_problems(each, f"{at}[{index}]")
    if not isinstance(template, dict):
        return
    for key, value in template.items():
        if key.endswith(".$") and not (isinstance(value, str) and value.startswith(("$", "States."))):
            yield f"SCHEMA_VALIDATION_FAILED: The value for the field '{key}' must be a valid JSONPath at {at}/{key}"
        yield from _path_problems(value, f"{at}/{key}")


def _transitions(state: _State) -> Iterator[tuple[str, str]]:
    for field in ("Next", "Default"):
        if field in state:
            yield field, state[field]
    for field in ("Choices", "Catch"):
        for index, each in enumerate(state.get(field, [])):
            yield f"{field}[{index}]/Next", each.get("Next")


def _reached(states: _State, start: str) -> set[str]:
    reached, todo = set(), [start]
    while todo:
        name = todo.pop()
        if name in states and name not in reached:
            reached.add(name)
            todo += [target for _, target in _transitions(states[name])]
    return reached
