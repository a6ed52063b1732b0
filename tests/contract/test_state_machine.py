"""The state machine agrees with the code: files, functions, errors, timeouts, budgets."""

from __future__ import annotations

import inspect
import json
import re
from typing import Any

import pytest

from bench import flow_picture, history_bound
from migration import errors
from stacks.names import module_name
from tests.contract.deployment import ROWS
from tests.contract.reach import LAMBDAS, reach

TEXT = history_bound.DEFINITION.read_text()
STATES: dict[str, dict[str, Any]] = json.loads(TEXT)["States"]
TASKS = {name: state for name, state in STATES.items() if state["Type"] == "Task"}
TOKENS = {name for name, state in TASKS.items() if state["Resource"].endswith(".waitForTaskToken")}
OUR_ERRORS = {name for name, kind in inspect.getmembers(errors, inspect.isclass)}
WAITS = {kind.__name__ for kind in errors.NotReady.__subclasses__()}
# Step Functions developer guide, "Error names"; Lambda API reference, Invoke; names the Lambda runtime reports itself.
THEIR_ERRORS = {
    "States.ALL",
    "States.Timeout",
    "Lambda.ServiceException",
    "Lambda.AWSLambdaException",
    "Lambda.SdkClientException",
    "Lambda.TooManyRequestsException",
    "Lambda.Unknown",
    "Sandbox.Timedout",
    "Runtime.ExitError",
}
# Two states may leave the same result, when either of them does the whole of it.
SHARED_RESULTS = {"$.cutOver": {"CutOver", "FinishCutOver"}, "$.switchBack": {"SwitchBack", "FinishSwitchBack"}}
# Not a leaf of NotReady, but a wait all the same: the other side is open, only publishing it is left to do.
RETRIED = WAITS | {"FlipIncomplete"}


def names_in(state: dict[str, Any], field: str) -> list[str]:
    return [name for rule in state.get(field, []) for name in rule["ErrorEquals"]]


@pytest.mark.parametrize("name", STATES)
def test_state_says_what_is_true_after_it(name: str) -> None:
    assert len(STATES[name]["Comment"]) > 20


def test_no_variables_and_no_jsonata() -> None:
    assert "QueryLanguage" not in TEXT
    assert '"Assign"' not in TEXT
    assert not re.search(r'"\{%', TEXT)


def test_placeholders_stand_inside_quotes_and_name_the_states() -> None:
    placeholders = re.findall(r'"\$\{(\w+)\}"', TEXT)
    assert sorted(placeholders) == sorted(TASKS)
    assert len(re.findall(r"\$\{", TEXT)) == len(placeholders)


@pytest.mark.parametrize("name", TASKS)
def test_task_has_a_file_with_a_handler_and_a_function(name: str) -> None:
    source = (LAMBDAS / "tasks" / f"{module_name(name)}.py").read_text()
    assert "\ndef handler(event" in source
    assert ROWS[name].package == "tasks"


def test_every_task_file_is_a_state() -> None:
    files = {path.stem for path in (LAMBDAS / "tasks").glob("*.py")} - {"__init__"}
    assert files == {module_name(name) for name in TASKS}


@pytest.mark.parametrize("name", TASKS)
def test_own_result_path_and_no_other(name: str) -> None:
    path = TASKS[name]["ResultPath"]
    if name == "RecallMigration":  # it brings the whole state back
        assert path == "$"
        return
    assert re.fullmatch(r"\$\.[a-z][A-Za-z]+", path)
    assert {other for other, state in TASKS.items() if state["ResultPath"] == path} == SHARED_RESULTS.get(path, {name})


@pytest.mark.parametrize("name", TASKS)
def test_named_errors_exist(name: str) -> None:
    named = {*names_in(TASKS[name], "Retry"), *names_in(TASKS[name], "Catch")}
    assert named <= OUR_ERRORS | THEIR_ERRORS


@pytest.mark.parametrize("name", TASKS)
def test_waits_raised_are_waited_for_and_no_others(name: str) -> None:
    """A NotReady that reaches the Catch would turn patience into failure."""
    raised = reach(f"tasks.{module_name(name)}").raised & RETRIED
    assert set(names_in(TASKS[name], "Retry")) & RETRIED == raised


@pytest.mark.parametrize("name", TASKS)
def test_caught_names_are_raised(name: str) -> None:
    """By the task itself, or by what answers its token."""
    modules = [f"tasks.{module_name(name)}"]
    if name in TOKENS:
        modules += [f"{row.package}.{module_name(row.name)}" for row in ROWS.values() if row.package != "tasks"]
    raised = set[str]().union(*(reach(module).raised | reach(module).mentioned for module in modules))
    caught = set(names_in(TASKS[name], "Catch")) - {"States.ALL"}
    assert caught <= raised


@pytest.mark.parametrize("name", sorted(set(TASKS) - TOKENS))
def test_function_ends_before_the_state_gives_up(name: str) -> None:
    """Otherwise the retry would start beside a function that still works."""
    assert ROWS[name].timeout_seconds < TASKS[name]["TimeoutSeconds"]


def test_a_takeover_outlasts_every_function_that_creates_something() -> None:
    """These two create nothing, and touch what is being deleted at worst."""
    creating = {name for name in TASKS if "StopReplication" in (rule["Next"] for rule in TASKS[name].get("Catch", []))}
    longest = max(ROWS[name].timeout_seconds for name in creating - {"VerifyData", "DrillFailover"})
    assert longest < STATES["LetWorkEnd"]["Seconds"]


@pytest.mark.parametrize("name", sorted(TOKENS))
def test_heartbeat_is_shorter_than_timeout(name: str) -> None:
    state = TASKS[name]
    assert state.get("HeartbeatSeconds", 0) < state["TimeoutSeconds"]
    payload = {"taskToken.$": "$$.Task.Token", "state.$": "$"}
    # A bake has to know whether it is still the execution that drives the migration.
    mine = {"executionArn.$": "$$.Execution.Id"} if name == "Bake" else {}
    assert state["Parameters"]["Payload"] == {**payload, **mine}


@pytest.mark.parametrize("name", TASKS)
def test_service_errors_are_retried_with_jitter_and_progress_without(name: str) -> None:
    for retrier in TASKS[name]["Retry"]:
        ours = set(retrier["ErrorEquals"]) & RETRIED
        # Full jitter may shorten any interval to nothing: how long a state is sure to wait would be unknown.
        assert retrier["JitterStrategy"] == ("NONE" if ours or retrier["BackoffRate"] == 1 else "FULL")


def test_history_stays_under_half_of_the_limit() -> None:
    assert history_bound.bound(history_bound.load()) <= history_bound.LIMIT


def test_a_full_load_may_take_fourteen_days() -> None:
    bound = history_bound.state_bound("AwaitReplication", STATES["AwaitReplication"])
    assert bound.wait_seconds >= history_bound.FULL_LOAD_DAYS * history_bound.DAY_SECONDS


def test_the_picture_shows_every_state_as_it_is_drawn() -> None:
    assert set(flow_picture.STATES) == set(STATES)
    assert flow_picture.PICTURE.read_text(encoding="utf-8") == flow_picture.picture()
