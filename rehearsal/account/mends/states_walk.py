"""The walk from state to state: an execution keeps its place, so that a redriven one goes on there.

ministack always starts at StartAt, with the definition of the moment.
"""

import json
import logging
from typing import Any

from ministack.core.responses import now_iso
from ministack.services import stepfunctions

from rehearsal.account.mends import states_execution
from rehearsal.account.mends.states_execution import Stopped

_log = logging.getLogger("crossfade.states")
_Failure: Any = stepfunctions._ExecutionError
_Execution = dict[str, Any]


def apply() -> None:
    """Walk executions here."""
    stepfunctions._run_execution = _run


def _run(arn: str) -> None:
    """Run an execution to its end: from its start, or redriven from the state in which it ended."""
    execution = stepfunctions._executions.get(arn)
    if execution is None or execution["status"] != "RUNNING":
        return
    machine = stepfunctions._state_machines[execution["stateMachineArn"]]
    definition = execution.setdefault("definition", json.loads(machine["definition"]))
    states_execution.begin(execution, definition.get("TimeoutSeconds"))
    place = execution.setdefault("place", {"state": definition["StartAt"], "input": json.loads(execution["input"])})
    try:
        output = _walk(execution, definition, place, _context(execution, machine, definition))
        states_execution.end(execution, "SUCCEEDED", output=json.dumps(output))
    except Stopped:
        return
    except _Failure as failure:
        stepfunctions._fail_execution(execution, failure.error, failure.cause)
    except Exception as error:
        _log.exception("execution %s", arn)
        stepfunctions._fail_execution(execution, "States.Runtime", str(error))


def _context(execution: _Execution, machine: dict[str, Any], definition: dict[str, Any]) -> dict[str, Any]:
    """The context object; `variables` (JSONata) stay with the execution."""
    started = {
        "Id": execution["executionArn"],
        "Input": json.loads(execution["input"]),
        "Name": execution["name"],
        "RoleArn": machine["roleArn"],
        "StartTime": execution["startDate"],
    }
    if execution.get("redriveCount"):
        started |= {"RedriveCount": execution["redriveCount"], "RedriveTime": execution["redriveDate"]}
    return {
        "QueryLanguage": definition.get("QueryLanguage", "JSONPath"),
        "Execution": started,
        "StateMachine": {"Id": execution["stateMachineArn"], "Name": machine["name"]},
        "variables": execution.setdefault("variables", {}),
    }


def _walk(execution: _Execution, definition: dict[str, Any], place: dict[str, Any], ctx: dict[str, Any]) -> Any:
    """The output of the last state. In its history a redriven execution does not enter its place once more."""
    while place["state"]:
        name, state = place["state"], definition["States"][place["state"]]
        ctx["State"] = {"Name": name, "EnteredTime": now_iso(), "RetryCount": 0}
        if not place.get("entered"):
            entered = {"name": name, "input": json.dumps(place["input"])}
            stepfunctions._add_event(execution, f"{state['Type']}StateEntered", {"stateEnteredEventDetails": entered})
        place["entered"] = True
        output, following = _execute(state, place["input"], execution, ctx)
        left = {"name": name, "output": json.dumps(output)}
        stepfunctions._add_event(execution, f"{state['Type']}StateExited", {"stateExitedEventDetails": left})
        place.update(state=following, input=output, entered=False)
    return place["input"]


def _execute(state: dict[str, Any], given: Any, execution: _Execution, ctx: dict[str, Any]) -> tuple[Any, str | None]:
    """The state's output and the name of the next state."""
    kind = state["Type"]
    if kind == "Fail":
        raise _Failure(*stepfunctions._fail_state_error(state, given, ctx))
    if kind == "Succeed":
        selected = stepfunctions._apply_input_path(state, given, ctx)
        return stepfunctions._apply_output_path(state, selected, ctx), None
    execute = getattr(stepfunctions, f"_execute_{kind.lower()}")
    arguments = (state, given, execution, ctx) if kind in ("Task", "Parallel", "Map") else (state, given, ctx)
    output, following = execute(*arguments)
    return output, following
