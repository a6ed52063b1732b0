"""Step Functions runs tasks, waits, timeouts and roles as AWS does, at the account's pace."""

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.process import Account
from tests.contract.account_support import PACE, Client
from tests.contract.state_machines import LAMBDA, Machines, task

MakeRole = Callable[..., str]
RAISES = """
import json
class SnapshotNotReady(Exception): pass
def handler(event, context):
    if event.get("raise"): raise SnapshotNotReady("42 %")
    return event
"""
TOKEN_LAMBDA = """
import boto3
def handler(event, context):
    if "answer" in event:
        return boto3.client("stepfunctions").send_task_success(taskToken=event["answer"], output="{}") and None
    name = "/token/" + event["name"]
    boto3.client("ssm").put_parameter(Name=name, Value=event["token"], Type="String", Overwrite=True)
    if event.get("raise"): raise RuntimeError("no")
"""


def token_task(name: str, **more: Any) -> dict[str, Any]:
    payload = {"name": name, "token.$": "$$.Task.Token"} | more.pop("payload", {})
    parameters = {"FunctionName": "hands-out-token", "Payload": payload}
    return task("arn:aws:states:::lambda:invoke.waitForTaskToken", Parameters=parameters, **more)


@pytest.fixture(scope="module")
def machines(client: Client, make_role: MakeRole, make_function: Callable[..., str]) -> Machines:
    make_function("maybe-raises", RAISES)
    make_function("hands-out-token", TOKEN_LAMBDA, actions=("ssm:PutParameter",))
    return Machines(client, make_role("machine", ["states.amazonaws.com"], ["lambda:InvokeFunction"]))


def test_an_exception_is_caught_by_its_class_name(machines: Machines) -> None:
    catch = [{"ErrorEquals": ["SnapshotNotReady"], "ResultPath": "$.failure", "Next": "B"}]
    states = {"A": task(LAMBDA + "maybe-raises", Catch=catch), "B": {"Type": "Succeed"}}
    ended = machines.run(states, {"raise": True})
    failure = json.loads(ended["output"])["failure"]
    assert failure["Error"] == "SnapshotNotReady"
    assert json.loads(failure["Cause"])["errorMessage"] == "42 %"


def test_a_retry_waits_with_backoff_to_its_cap_and_costs_three_events(machines: Machines) -> None:
    retry = {"ErrorEquals": ["SnapshotNotReady"], "IntervalSeconds": 30, "BackoffRate": 3, "MaxDelaySeconds": 60}
    started = time.monotonic()
    states = {"A": task(LAMBDA + "maybe-raises", Retry=[retry | {"MaxAttempts": 3}])}
    execution = machines.start(states, {"raise": True})
    assert machines.end(execution)["error"] == "SnapshotNotReady"
    waits = (30 + 60 + 60) / PACE
    assert waits < time.monotonic() - started < waits + 2
    attempt = ["LambdaFunctionScheduled", "LambdaFunctionStarted", "LambdaFunctionFailed"]
    assert machines.events(execution) == ["ExecutionStarted", "TaskStateEntered", *attempt * 4, "ExecutionFailed"]


def test_a_task_token_resumes_the_execution_and_is_good_once(machines: Machines) -> None:
    execution = machines.start({"A": token_task("once", ResultPath="$.answer")})
    token = machines.token("once")
    machines.states.send_task_success(taskToken=token, output='{"approved": true}')
    assert json.loads(machines.end(execution)["output"]) == {"answer": {"approved": True}}
    with pytest.raises(machines.states.exceptions.TaskTimedOut):
        machines.states.send_task_success(taskToken=token, output="{}")
    with pytest.raises(machines.states.exceptions.InvalidToken):
        machines.states.send_task_heartbeat(taskToken="made up")
    assert machines.events(execution) == [
        "ExecutionStarted",
        "TaskStateEntered",
        "TaskScheduled",
        "TaskStarted",
        "TaskSubmitted",
        "TaskSucceeded",
        "TaskStateExited",
        "ExecutionSucceeded",
    ]


def test_a_token_is_answered_by_a_role_that_may_answer_its_machine(machines: Machines, client: Client) -> None:
    execution = machines.start({"A": token_task("granted")})
    event = json.dumps({"answer": machines.token("granted")})

    def answer() -> str:
        found = client("lambda").invoke(FunctionName="hands-out-token", Payload=event)["Payload"].read()
        return str(found)

    assert "not authorized to perform: states:SendTaskSuccess" in answer()
    machine = machines.states.describe_execution(executionArn=execution)["stateMachineArn"]
    allow = {"Effect": "Allow", "Action": "states:SendTaskSuccess", "Resource": machine}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    client("iam").put_role_policy(RoleName="hands-out-token-role", PolicyName="answer", PolicyDocument=policy)
    assert "null" in answer()
    assert machines.end(execution)["status"] == "SUCCEEDED"


def test_a_task_token_failure_has_its_error_name(machines: Machines) -> None:
    execution = machines.start({"A": token_task("fails")})
    machines.states.send_task_failure(taskToken=machines.token("fails"), error="GateBroken", cause="lag")
    ended = machines.end(execution)
    assert (ended["error"], ended["cause"]) == ("GateBroken", "lag")


def test_a_task_token_function_that_raises_fails_the_state_at_once(machines: Machines) -> None:
    ended = machines.run({"A": token_task("raises", payload={"raise": True}, TimeoutSeconds=86400)})
    assert ended["error"] == "RuntimeError"


def test_a_missed_heartbeat_fails_the_state(machines: Machines) -> None:
    catch = [{"ErrorEquals": ["States.HeartbeatTimeout"], "Next": "B"}]
    states = {"A": token_task("beat", HeartbeatSeconds=30, Catch=catch), "B": {"Type": "Succeed"}}
    execution = machines.start(states)
    token = machines.token("beat")
    for _ in range(4):
        time.sleep(20 / PACE)
        machines.states.send_task_heartbeat(taskToken=token)
    assert machines.states.describe_execution(executionArn=execution)["status"] == "RUNNING"
    ended = machines.end(execution)
    assert json.loads(ended["output"])["Error"] == "States.Timeout"


def test_a_token_times_out_by_seconds_and_by_path(machines: Machines) -> None:
    assert machines.run({"A": token_task("t1", TimeoutSeconds=20)})["error"] == "States.Timeout"
    states = {"A": token_task("t2", TimeoutSecondsPath="$.limit")}
    assert machines.run(states, {"limit": 20})["error"] == "States.Timeout"


def test_a_machine_times_out(machines: Machines) -> None:
    ended = machines.run({"A": {"Type": "Wait", "Seconds": 86400, "End": True}}, TimeoutSeconds=20)
    assert ended["status"] == "TIMED_OUT"


def test_a_stopped_execution_is_over(machines: Machines) -> None:
    execution = machines.start({"A": token_task("stopped")})
    token = machines.token("stopped")
    machines.states.stop_execution(executionArn=execution, error="AbortRequested", cause="by hand")
    time.sleep(0.3)
    assert machines.end(execution)["status"] == "ABORTED"
    assert machines.events(execution)[-1] == "ExecutionAborted"
    with pytest.raises(machines.states.exceptions.TaskTimedOut):
        machines.states.send_task_heartbeat(taskToken=token)


def test_the_role_of_the_machine_is_enforced(machines: Machines, make_role: MakeRole) -> None:
    only_other = make_role("narrow", ["states.amazonaws.com"], ["lambda:InvokeFunction"], resource=LAMBDA + "other")
    ended = machines.run({"A": task(LAMBDA + "maybe-raises")}, role=only_other)
    assert ended["error"] == "Lambda.AWSLambdaException"
    assert "not authorized to perform: lambda:InvokeFunction" in ended["cause"]
    for_lambda = make_role("wrong-trust", ["lambda.amazonaws.com"], ["lambda:InvokeFunction"])
    assert machines.run({"A": task(LAMBDA + "maybe-raises")}, role=for_lambda)["error"] == "Lambda.AWSLambdaException"


def test_a_task_calls_the_emulated_dms_as_the_role_allows(machines: Machines, make_role: MakeRole) -> None:
    states = {"A": task("arn:aws:states:::aws-sdk:databasemigration:describeReplicationTasks", Parameters={})}
    assert machines.run(states)["error"] == "Databasemigration.AccessDeniedException"
    allowed = make_role("dms-reader", ["states.amazonaws.com"], ["dms:DescribeReplicationTasks"])
    assert json.loads(machines.run(states, role=allowed)["output"]) == {"ReplicationTasks": []}


def test_a_crashed_function_is_lambda_unknown(machines: Machines, make_function: Callable[..., str]) -> None:
    function = make_function("crashes", "import os\ndef handler(event, context): os.kill(os.getpid(), 9)")
    assert machines.run({"A": task(function)})["error"] == "Lambda.Unknown"


@pytest.mark.parametrize("effect", ["error", "error-after"])
def test_the_lambda_service_fails_before_or_after_the_call(machines: Machines, account: Account, effect: str) -> None:
    rule = {"kind": "api", "action": "lambda:InvokeFunction", "principal": "machine", "match": f"try-{effect}"}
    account.add_faults(rule | {"effect": effect, "code": "ServiceException", "status": 500})
    ended = machines.run({"A": task(LAMBDA + "maybe-raises")}, {"name": f"try-{effect}"})
    account.clear_faults()
    assert ended["error"] == "Lambda.ServiceException"


def test_a_function_at_its_reserved_concurrency_is_throttled(
    machines: Machines, make_function: Callable[..., str], client: Client
) -> None:
    function = make_function("busy", "def handler(event, context): pass")
    client("lambda").put_function_concurrency(FunctionName="busy", ReservedConcurrentExecutions=0)
    assert machines.run({"A": task(function)})["error"] == "Lambda.TooManyRequestsException"


def test_an_execution_is_logged_and_counted(machines: Machines, client: Client) -> None:
    logs, cloudwatch = client("logs"), client("cloudwatch")
    logs.create_log_group(logGroupName="/states/log")
    group = logs.describe_log_groups(logGroupNamePrefix="/states/log")["logGroups"][0]["arn"]
    states = {"A": {"Type": "Fail", "Error": "Mine", "Cause": "on purpose"}}
    machine = machines.create(states)
    logging = {"level": "ALL", "includeExecutionData": True}
    logging |= {"destinations": [{"cloudWatchLogsLogGroup": {"logGroupArn": group}}]}
    machines.states.update_state_machine(stateMachineArn=machine, loggingConfiguration=logging)
    machines.end(machines.states.start_execution(stateMachineArn=machine)["executionArn"])
    lines = [json.loads(event["message"]) for event in logs.filter_log_events(logGroupName="/states/log")["events"]]
    assert [line["type"] for line in lines] == ["FailStateEntered", "ExecutionFailed"]
    assert lines[1]["details"] == {"error": "Mine", "cause": "on purpose"}
    dimension = [{"Name": "StateMachineArn", "Value": machine}]
    assert cloudwatch.list_metrics(Namespace="AWS/States", MetricName="ExecutionsFailed", Dimensions=dimension)[
        "Metrics"
    ]


def test_a_path_that_leads_nowhere_cannot_be_caught(machines: Machines) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "B"}]
    states = {"A": task(LAMBDA + "maybe-raises", Parameters={"x.$": "$.none"}, Catch=catch), "B": {"Type": "Succeed"}}
    assert machines.run(states)["error"] == "States.Runtime"
    choice = {"Type": "Choice", "Choices": [{"Variable": "$.none", "BooleanEquals": True, "Next": "B"}], "Default": "B"}
    assert machines.run({"A": choice, "B": {"Type": "Succeed"}})["error"] == "States.Runtime"


def test_a_repeated_start_is_the_same_execution(machines: Machines) -> None:
    machine = machines.create({"A": {"Type": "Wait", "Seconds": 60, "End": True}})
    first = machines.states.start_execution(stateMachineArn=machine, name="same", input="{}")
    assert (
        machines.states.start_execution(stateMachineArn=machine, name="same", input="{}")["executionArn"]
        == first["executionArn"]
    )
    with pytest.raises(machines.states.exceptions.ExecutionAlreadyExists):
        machines.states.start_execution(stateMachineArn=machine, name="same", input='{"a": 1}')
    with pytest.raises(machines.states.exceptions.InvalidExecutionInput):
        machines.states.start_execution(stateMachineArn=machine, input="{")


@pytest.mark.parametrize(
    ("states", "complaint"),
    [
        ({"A": {"Type": "Pass", "Next": "None"}}, "Missing 'Next' target: None"),
        ({"A": {"Type": "Pass"}}, "exactly one of Next and End"),
        ({"A": {"Type": "Pass", "End": True}, "B": {"Type": "Pass", "End": True}}, 'State "B" is not reachable'),
        ({"A": {"Type": "Task", "Resource": "${A}", "End": True}}, "not a valid resource ARN"),
        ({"A": task("arn:x", HeartbeatSeconds=9, TimeoutSeconds=9)}, "smaller than TimeoutSeconds"),
        ({"A": task("arn:x", Retry=[{"ErrorEquals": ["X"], "BackoffRate": 0.5}])}, "BackoffRate"),
        ({"A": task("arn:x", Catch=[{"ErrorEquals": ["States.ALL", "X"], "Next": "A"}])}, "must stand alone"),
        ({"A": task("arn:x", Parameters={"x.$": "plain"})}, "must be a valid JSONPath"),
    ],
)
def test_an_invalid_definition_is_refused(machines: Machines, states: dict[str, Any], complaint: str) -> None:
    with pytest.raises(ClientError) as refusal:
        machines.create(states)
    assert refusal.value.response["Error"]["Code"] == "InvalidDefinition"
    assert complaint in str(refusal.value)
