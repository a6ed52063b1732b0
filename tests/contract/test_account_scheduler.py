"""EventBridge Scheduler fires at the account's pace, as the role of the schedule, and says when."""

import itertools
import json
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.process import Account
from tests.contract.account_support import PACE, Client

MakeRole = Callable[..., str]


class Schedules:
    """Makes schedules whose target is a queue or a function, and reads what they sent."""

    def __init__(self, client: Client, role: str) -> None:
        self.scheduler, self.sqs, self.role = client("scheduler"), client("sqs"), role

    def queue(self) -> tuple[str, str]:
        url = self.sqs.create_queue(QueueName=f"q-{uuid.uuid4().hex}")["QueueUrl"]
        return url, self.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def create(self, arn: str, expression: str, given: Any = None, **more: Any) -> str:
        name = more.pop("Name", f"s-{uuid.uuid4().hex}")
        target = {"Arn": arn, "RoleArn": more.pop("role", self.role), "Input": json.dumps(given or {})}
        target |= more.pop("target", {})
        window = {"Mode": "OFF"}
        self.scheduler.create_schedule(
            Name=name, ScheduleExpression=expression, FlexibleTimeWindow=window, Target=target, **more
        )
        return str(name)

    def sent(self, url: str, count: int, limit: float = 6) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        deadline = time.monotonic() + limit
        while len(found) < count and time.monotonic() < deadline:
            answer = self.sqs.receive_message(
                QueueUrl=url, WaitTimeSeconds=1, MaxNumberOfMessages=1, MessageAttributeNames=["All"]
            )
            for message in answer.get("Messages", []):
                found.append(message)
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def exists(self, name: str) -> bool:
        try:
            self.scheduler.get_schedule(Name=name)
        except self.scheduler.exceptions.ResourceNotFoundException:
            return False
        return True


@pytest.fixture(scope="module")
def schedules(client: Client, make_role: MakeRole) -> Schedules:
    actions = ["sqs:SendMessage", "lambda:InvokeFunction"]
    return Schedules(client, make_role("schedule", ["scheduler.amazonaws.com"], actions))


CONTEXT = {
    "at": "<aws.scheduler.scheduled-time>",
    "run": "<aws.scheduler.execution-id>",
    "n": "<aws.scheduler.attempt-number>",
}


def test_a_rate_starts_at_once_and_its_scheduled_time_advances_by_the_rate(schedules: Schedules) -> None:
    url, arn = schedules.queue()
    started = time.monotonic()
    name = schedules.create(arn, "rate(1 minute)", CONTEXT | {"arn": "<aws.scheduler.schedule-arn>"})
    bodies = [json.loads(message["Body"]) for message in schedules.sent(url, 3)]
    assert 1.8 <= time.monotonic() - started < 4, "three firings are two intervals of 60 s apart at a pace of 60"
    times = [datetime.fromisoformat(body["at"]) for body in bodies]
    assert [later - earlier for earlier, later in itertools.pairwise(times)] == [timedelta(minutes=1)] * 2
    assert len({body["run"] for body in bodies}) == 3
    assert bodies[0]["n"] == "1"
    assert bodies[0]["arn"].endswith(f"schedule/default/{name}")
    schedules.scheduler.delete_schedule(Name=name)
    assert not schedules.exists(name)


def test_a_firing_may_come_twice_and_late(schedules: Schedules, account: Account) -> None:
    url, arn = schedules.queue()
    account.add_faults(
        {"kind": "event", "name": "schedule-twice", "match": "faulty"},
        {"kind": "event", "name": "schedule-late", "match": "faulty", "skip": 1, "intervals": 2},
    )
    schedules.create(arn, "rate(1 minute)", CONTEXT, Name="faulty-one")
    bodies = [json.loads(message["Body"]) for message in schedules.sent(url, 5)]
    schedules.scheduler.delete_schedule(Name="faulty-one")
    account.clear_faults()
    first = datetime.fromisoformat(bodies[0]["at"])
    minutes = [round((datetime.fromisoformat(body["at"]) - first).total_seconds() / 60) for body in bodies]
    assert minutes in ([0, 0, 2, 1, 3], [0, 0, 2, 3, 1]), "the second one is delivered when the fourth is due"
    assert bodies[0]["run"] == bodies[1]["run"]


def test_a_moment_fires_when_its_distance_has_passed_at_the_pace_and_is_deleted(schedules: Schedules) -> None:
    url, arn = schedules.queue()
    moment = (datetime.now(UTC) + timedelta(seconds=90)).strftime("%Y-%m-%dT%H:%M:%S")
    started = time.monotonic()
    name = schedules.create(arn, f"at({moment})", CONTEXT, ActionAfterCompletion="DELETE")
    (message,) = schedules.sent(url, 1)
    assert 88 / PACE <= time.monotonic() - started < 90 / PACE + 1
    assert json.loads(message["Body"])["at"] == moment + "Z"
    time.sleep(0.1)
    assert not schedules.exists(name)


def test_a_start_and_an_end_bound_a_rate(schedules: Schedules) -> None:
    url, arn = schedules.queue()
    now = datetime.now(UTC)
    bounds = {"StartDate": now + timedelta(seconds=30), "EndDate": now + timedelta(seconds=100)}
    name = schedules.create(arn, "rate(1 minute)", ActionAfterCompletion="DELETE", **bounds)
    assert len(schedules.sent(url, 3, limit=3)) == 2
    assert not schedules.exists(name)


def test_a_cron_fires_in_its_time_zone(schedules: Schedules) -> None:
    url, arn = schedules.queue()
    name = schedules.create(arn, "cron(* * * * ? *)", CONTEXT, ScheduleExpressionTimezone="Europe/Berlin")
    (message,) = schedules.sent(url, 1)
    assert datetime.fromisoformat(json.loads(message["Body"])["at"]).second == 0
    schedules.scheduler.delete_schedule(Name=name)


def test_a_function_is_invoked(schedules: Schedules, make_function: Callable[..., str], client: Client) -> None:
    source = (
        "import boto3\ndef handler(event, context):\n"
        "    boto3.client('ssm').put_parameter(Name='/fired', Value=event['at'], Type='String', Overwrite=True)"
    )
    function = make_function("fired", source, actions=("ssm:PutParameter",))
    schedules.create(function, "rate(1 hour)", CONTEXT)
    for _ in range(60):
        if client("ssm").get_parameters(Names=["/fired"])["Parameters"]:
            return
        time.sleep(0.05)
    pytest.fail("the function was not invoked")


def test_a_schedule_waits_for_its_function(
    schedules: Schedules, make_function: Callable[..., str], client: Client
) -> None:
    source = (
        "import boto3, time\ndef handler(event, context):\n"
        "    sqs = boto3.client('sqs')\n    sqs.send_message(QueueUrl=event['queue'], MessageBody='begins')\n"
        "    time.sleep(2.5)\n    sqs.send_message(QueueUrl=event['queue'], MessageBody=event['at'])"
    )
    url, _ = schedules.queue()
    function = make_function("takes-minutes", source, actions=("sqs:SendMessage",))
    name = schedules.create(function, "rate(1 minute)", CONTEXT | {"queue": url})
    bodies = [message["Body"] for message in schedules.sent(url, 4, limit=12)]
    schedules.scheduler.delete_schedule(Name=name)
    assert bodies[0::2] == ["begins", "begins"], "the second run begins when the first one is over"
    first, second = (datetime.fromisoformat(body) for body in bodies[1::2])
    assert timedelta(minutes=2) <= second - first <= timedelta(minutes=4)


def test_what_cannot_be_delivered_goes_to_the_dead_letter_queue(schedules: Schedules) -> None:
    url, queue = schedules.queue()
    missing = "arn:aws:lambda:us-east-1:000000000000:function:none"
    target = {"DeadLetterConfig": {"Arn": queue}, "RetryPolicy": {"MaximumRetryAttempts": 0}}
    schedules.create(missing, "rate(1 hour)", CONTEXT, target=target)
    (message,) = schedules.sent(url, 1)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "ResourceNotFoundException"
    assert message["MessageAttributes"]["TARGET_ARN"]["StringValue"] == missing


def test_the_role_decides_what_a_schedule_may_invoke(schedules: Schedules, make_role: MakeRole) -> None:
    url, queue = schedules.queue()
    _, forbidden = schedules.queue()
    narrow = make_role("only-dead-letters", ["scheduler.amazonaws.com"], ["sqs:SendMessage"], resource=queue)
    schedules.create(forbidden, "rate(1 hour)", role=narrow, target={"DeadLetterConfig": {"Arn": queue}})
    (message,) = schedules.sent(url, 1)
    assert message["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "AccessDeniedException"


def test_a_name_is_taken_once_unless_the_client_repeats_itself(schedules: Schedules) -> None:
    _, arn = schedules.queue()
    name = schedules.create(arn, "rate(1 day)", ClientToken="t" * 32)
    schedules.create(arn, "rate(1 day)", Name=name, ClientToken="t" * 32)
    with pytest.raises(schedules.scheduler.exceptions.ConflictException):
        schedules.create(arn, "rate(1 day)", Name=name)
    with pytest.raises(schedules.scheduler.exceptions.ResourceNotFoundException):
        schedules.scheduler.delete_schedule(Name="never-made")


@pytest.mark.parametrize("expression", ["rate(0 minutes)", "rate(5 seconds)", "at(tomorrow)", "cron(* * * * * *)", "x"])
def test_an_invalid_expression_is_refused(schedules: Schedules, expression: str) -> None:
    _, arn = schedules.queue()
    with pytest.raises(schedules.scheduler.exceptions.ValidationException, match="Invalid Schedule Expression"):
        schedules.create(arn, expression)


def test_a_role_that_scheduler_may_not_assume_is_refused(schedules: Schedules, make_role: MakeRole) -> None:
    _, arn = schedules.queue()
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler to assume the role"):
        schedules.create(arn, "rate(1 day)", role=make_role("for-nobody", ["ec2.amazonaws.com"], []))


def test_a_role_may_be_for_the_schedules_of_one_group(schedules: Schedules, client: Client) -> None:
    _, arn = schedules.queue()
    condition = {"ArnEquals": {"aws:SourceArn": "arn:aws:scheduler:us-east-1:000000000000:schedule-group/mine"}}
    principal = {"Service": "scheduler.amazonaws.com"}
    trust = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": principal, "Condition": condition}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = client("iam").create_role(RoleName="of-one-group", AssumeRolePolicyDocument=document)["Role"]["Arn"]
    schedules.scheduler.create_schedule_group(Name="mine")
    schedules.create(arn, "rate(1 day)", role=role, GroupName="mine")
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler"):
        schedules.create(arn, "rate(1 day)", role=role)
