"""An execution that did not succeed is redriven, and a stopped one leaves its work behind, as in AWS."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.account_support import Client
from tests.contract.state_machines import LAMBDA, Machines, task

MakeRole = Callable[..., str]
FAILS_UNTIL = """
import boto3
class NotYet(Exception): pass
def handler(event, context):
    ssm, name = boto3.client("ssm"), "/fixed/" + event["name"]
    if not ssm.get_parameters(Names=[name])["Parameters"]: raise NotYet("broken")
    return event
"""
SLOW = """
import boto3, time
def handler(event, context):
    time.sleep(event["seconds"])
    boto3.client("ssm").put_parameter(Name="/slow/" + event["name"], Value="done", Type="String", Overwrite=True)
"""
LAST: dict[str, Any] = {"Type": "Succeed"}


@pytest.fixture(scope="module")
def machines(client: Client, make_role: MakeRole, make_function: Callable[..., str]) -> Machines:
    make_function("fails-until", FAILS_UNTIL, actions=("ssm:GetParameters",))
    make_function("slow-task", SLOW, actions=("ssm:PutParameter",))
    return Machines(client, make_role("redriven", ["states.amazonaws.com"], ["lambda:InvokeFunction"]))


def fix(machines: Machines, name: str) -> None:
    machines.ssm.put_parameter(Name=f"/fixed/{name}", Value="1", Type="String")


def two_states(**more: Any) -> dict[str, Any]:
    first = {"Type": "Pass", "Result": {"name": more.pop("name")}, "Next": "B"}
    return {"A": first, "B": task(LAMBDA + "fails-until", End=False, Next="C", **more), "C": LAST}


def test_a_redriven_execution_goes_on_where_it_failed(machines: Machines) -> None:
    retry = [{"ErrorEquals": ["NotYet"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    execution = machines.start(two_states(name="one", Retry=retry) | {})
    failed = machines.end(execution)
    assert (failed["status"], failed["error"], failed["redriveStatus"]) == ("FAILED", "NotYet", "REDRIVABLE")
    assert failed["redriveCount"] == 0
    before = machines.events(execution)
    redriven = machines.states.redrive_execution(executionArn=execution)
    assert machines.end(execution)["status"] == "FAILED", "the cause is still there, and all retries were tried again"
    attempt = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"]
    assert machines.events(execution) == [*before, "ExecutionRedriven", *attempt * 2, "ExecutionFailed"]
    fix(machines, "one")
    machines.states.redrive_execution(executionArn=execution)
    ended = machines.end(execution)
    assert (ended["status"], json.loads(ended["output"])) == ("SUCCEEDED", {"name": "one"})
    assert (ended["redriveCount"], ended["startDate"]) == (2, failed["startDate"])
    assert ended["redriveDate"] >= redriven["redriveDate"] > failed["stopDate"]
    assert "error" not in ended
    assert machines.events(execution)[-5:] == [
        "LambdaFunctionSucceeded",
        "TaskStateExited",
        "SucceedStateEntered",
        "SucceedStateExited",
        "ExecutionSucceeded",
    ]


def test_what_succeeded_or_runs_is_not_redrivable(machines: Machines) -> None:
    for states, status in (
        ({"A": LAST}, "SUCCEEDED"),
        ({"A": {"Type": "Wait", "Seconds": 900, "End": True}}, "RUNNING"),
    ):
        execution = machines.start(states)
        if status == "SUCCEEDED":
            machines.end(execution)
        told = machines.states.describe_execution(executionArn=execution)
        reason = f"Execution is {status} and cannot be redriven"
        assert (told["redriveStatus"], told["redriveStatusReason"]) == ("NOT_REDRIVABLE", reason)
        with pytest.raises(machines.states.exceptions.ExecutionNotRedrivable, match="cannot be redriven"):
            machines.states.redrive_execution(executionArn=execution)
    with pytest.raises(machines.states.exceptions.ExecutionDoesNotExist):
        machines.states.redrive_execution(executionArn=execution + "x")


def test_a_repeated_redrive_is_one(machines: Machines) -> None:
    execution = machines.start({"A": {"Type": "Fail", "Error": "Mine"}})
    machines.end(execution)
    dates = {
        machines.states.redrive_execution(executionArn=execution, clientToken="same")["redriveDate"] for _ in range(2)
    }
    assert len(dates) == 1
    assert (machines.end(execution)["redriveCount"], machines.end(execution)["error"]) == (1, "Mine")


def test_a_stopped_and_a_timed_out_execution_are_redriven_with_a_new_timeout(machines: Machines) -> None:
    execution = machines.start({"A": {"Type": "Wait", "Seconds": 30, "End": True}}, TimeoutSeconds=20)
    assert machines.end(execution)["status"] == "TIMED_OUT"
    machines.states.redrive_execution(executionArn=execution)
    time.sleep(0.1)
    machines.states.stop_execution(executionArn=execution)
    machines.states.redrive_execution(executionArn=execution)
    assert machines.end(execution)["status"] == "TIMED_OUT"
    assert machines.events(execution).count("ExecutionTimedOut") == 2
    assert machines.events(execution).count("WaitStateEntered") == 1


def test_a_function_at_work_when_its_execution_is_stopped_goes_on_alone(machines: Machines) -> None:
    states = {"A": task(LAMBDA + "slow-task", Next="B", End=False), "B": LAST}
    execution = machines.start(states, {"seconds": 1.0, "name": "left"})
    time.sleep(0.7)
    machines.states.stop_execution(executionArn=execution, error="ByHand")
    assert not machines.ssm.get_parameters(Names=["/slow/left"])["Parameters"]
    machines.states.redrive_execution(executionArn=execution)
    assert machines.end(execution)["status"] == "SUCCEEDED"
    assert machines.ssm.get_parameters(Names=["/slow/left"])["Parameters"]
    assert machines.events(execution).count("LambdaFunctionSucceeded") == 1
    assert machines.events(execution).count("LambdaFunctionScheduled") == 2


def test_status_changes_reach_eventbridge_with_awss_detail(
    machines: Machines, client: Client, make_function: Callable[..., str]
) -> None:
    source = (
        "import boto3, json\ndef handler(event, context):\n"
        "    boto3.client('ssm').put_parameter(Name='/status/' + event['detail']['status'], Type='String',"
        " Value=json.dumps(event), Overwrite=True)"
    )
    function = make_function("sees-status", source, actions=("ssm:PutParameter",))
    machine = machines.create({"A": {"Type": "Wait", "Seconds": 9000, "End": True}})
    pattern = {"source": ["aws.states"], "detail": {"stateMachineArn": [machine]}}
    events = client("events")
    rule = events.put_rule(Name="status", EventPattern=json.dumps(pattern))["RuleArn"]
    client("lambda").add_permission(
        FunctionName=function, StatementId="e", Action="lambda:InvokeFunction", Principal="events.amazonaws.com",
        SourceArn=rule,
    )  # fmt: skip
    events.put_targets(Rule="status", Targets=[{"Id": "f", "Arn": function}])
    execution = machines.states.start_execution(stateMachineArn=machine, name="seen", input='{"a": 1}')["executionArn"]
    machines.states.stop_execution(executionArn=execution, error="ByHand", cause="an operator")
    detail = seen(machines, "ABORTED")["detail"]
    assert (detail["name"], detail["input"], detail["executionArn"]) == ("seen", '{"a": 1}', execution)
    assert (detail["error"], detail["cause"], detail["output"]) == ("ByHand", "an operator", None)
    assert detail["stopDate"] >= detail["startDate"] > 1.6e12
    assert (detail["redriveStatus"], detail["redriveCount"]) == ("REDRIVABLE", 0)
    machines.ssm.delete_parameters(Names=["/status/RUNNING"])
    machines.states.redrive_execution(executionArn=execution)
    detail = seen(machines, "RUNNING")["detail"]
    assert (detail["redriveStatus"], detail["redriveCount"], detail["stopDate"]) == ("NOT_REDRIVABLE", 1, None)
    machines.states.stop_execution(executionArn=execution)


def seen(machines: Machines, status: str) -> dict[str, Any]:
    """The event of this status that the function has been given."""
    for _ in range(100):
        found = machines.ssm.get_parameters(Names=[f"/status/{status}"])["Parameters"]
        if found:
            event: dict[str, Any] = json.loads(found[0]["Value"])
            return event
        time.sleep(0.05)
    pytest.fail(f"no event {status} arrived")
