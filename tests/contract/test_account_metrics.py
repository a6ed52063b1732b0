"""Metrics are read, and e-mails delivered, as an AWS account would with its clock running at the pace."""

import time
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from rehearsal.process import Account
from tests.contract.account_support import PACE, Client


def last_minutes(client: Client, namespace: str, minutes: int) -> list[float]:
    """The one-minute averages of the metric, newest first."""
    now = datetime.now(UTC)
    metric = {"Namespace": namespace, "MetricName": "lag", "Dimensions": [{"Name": "task", "Value": "t"}]}
    query = {"Id": "m", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Average"}}
    answer = client("cloudwatch").get_metric_data(
        MetricDataQueries=[query], StartTime=now - timedelta(minutes=minutes), EndTime=now + timedelta(minutes=1)
    )
    (found,) = answer["MetricDataResults"]
    pairs = sorted(zip(found["Timestamps"], found["Values"], strict=True), reverse=True)
    return [value for _, value in pairs]


def put(client: Client, namespace: str, value: float) -> None:
    point = {"MetricName": "lag", "Dimensions": [{"Name": "task", "Value": "t"}], "Value": value}
    client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[point])


def test_a_window_of_minutes_shows_the_last_real_seconds(client: Client) -> None:
    namespace = uuid.uuid4().hex
    put(client, namespace, 9.0)
    time.sleep(3 * 60 / PACE)
    put(client, namespace, 1.0)
    assert last_minutes(client, namespace, 10) == [1.0, 9.0], "three minutes lie between the points"
    assert last_minutes(client, namespace, 2) == [1.0]


def test_statistics_have_the_same_window(client: Client) -> None:
    namespace, now = uuid.uuid4().hex, datetime.now(UTC)
    put(client, namespace, 5.0)
    time.sleep(2 * 60 / PACE)
    asked: dict[str, Any] = {"Namespace": namespace, "MetricName": "lag", "Period": 60, "Statistics": ["Maximum"]}
    asked["Dimensions"] = [{"Name": "task", "Value": "t"}]
    now = datetime.now(UTC)
    statistics = client("cloudwatch").get_metric_statistics
    assert not statistics(StartTime=now - timedelta(minutes=1), EndTime=now, **asked)["Datapoints"]
    (point,) = statistics(StartTime=now - timedelta(minutes=5), EndTime=now, **asked)["Datapoints"]
    assert point["Maximum"] == 5.0


def test_an_alarm_looks_at_its_own_dimensions(client: Client) -> None:
    namespace, name = uuid.uuid4().hex, uuid.uuid4().hex
    cloudwatch = client("cloudwatch")
    rule = {"Period": 60, "EvaluationPeriods": 5, "Threshold": 3, "ComparisonOperator": "GreaterThanThreshold"}
    for task in ("t", "other"):
        dimensions = [{"Name": "task", "Value": task}]
        cloudwatch.put_metric_alarm(
            AlarmName=f"{name}-{task}",
            Namespace=namespace,
            MetricName="lag",
            Statistic="Maximum",
            Dimensions=dimensions,
            **rule,
        )
    put(client, namespace, 5.0)
    time.sleep(60 / PACE + 0.5)
    alarms = cloudwatch.describe_alarms(AlarmNamePrefix=name)["MetricAlarms"]
    states = {alarm["AlarmName"][len(name) + 1 :]: alarm["StateValue"] for alarm in alarms}
    assert states == {"t": "ALARM", "other": "INSUFFICIENT_DATA"}


def test_an_alarm_wants_three_of_five_minutes_and_then_sends_a_message(client: Client, account: Account) -> None:
    sns, cloudwatch, name = client("sns"), client("cloudwatch"), uuid.uuid4().hex
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="on-call@example.com")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace=name,
        MetricName="lag",
        Dimensions=[{"Name": "task", "Value": "t"}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=5,
        DatapointsToAlarm=3,
        Threshold=3,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
    )

    def state() -> str:
        (alarm,) = cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"]
        return str(alarm["StateValue"])

    before = len(account.mailbox())
    for expected in ("OK", "OK", "ALARM"):
        put(client, name, 5.0)
        assert state() == expected
        time.sleep(60 / PACE)
    assert name in account.mailbox(after=before)[0]["subject"]
    time.sleep(4 * 60 / PACE)
    assert state() == "OK"


def test_a_message_in_a_queue_raises_the_alarm_on_it(client: Client, account: Account) -> None:
    sqs, sns, cloudwatch, name = client("sqs"), client("sns"), client("cloudwatch"), uuid.uuid4().hex
    topic = sns.create_topic(Name=name)["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="on-call@example.com")
    queue = sqs.create_queue(QueueName=name)["QueueUrl"]
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Namespace="AWS/SQS",
        MetricName="ApproximateNumberOfMessagesVisible",
        Dimensions=[{"Name": "QueueName", "Value": name}],
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=1,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        AlarmActions=[topic],
    )
    before = len(account.mailbox())
    sqs.send_message(QueueUrl=queue, MessageBody="lost")
    deadline = time.monotonic() + 5
    while not account.mailbox(after=before) and time.monotonic() < deadline:
        time.sleep(0.1)
    (mail,) = account.mailbox(after=before)
    assert f'ALARM: "{name}"' in mail["subject"]


def test_an_email_arrives_in_the_mailbox(client: Client, account: Account) -> None:
    sns = client("sns")
    topic = sns.create_topic(Name="alerts")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="email", Endpoint="on-call@example.com")
    before = len(account.mailbox())
    sns.publish(TopicArn=topic, Subject="Approval needed", Message="Run this command")
    (mail,) = account.mailbox(after=before)
    assert (mail["address"], mail["subject"], mail["message"]) == (
        "on-call@example.com",
        "Approval needed",
        "Run this command",
    )
    with pytest.raises(sns.exceptions.InvalidParameterException):
        sns.publish(TopicArn=topic, Subject="x" * 101, Message="too long")
