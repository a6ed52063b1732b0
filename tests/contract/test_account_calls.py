"""IAM is enforced on what roles call, and every call is in the record."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.process import Account
from tests.contract.account_support import Client

MakeRole = Callable[..., str]


@pytest.fixture
def last(account: Account) -> Callable[[], list[dict[str, Any]]]:
    """The calls recorded since the test began."""
    before = len(account.calls())
    return lambda: account.calls(after=before)


def as_role(client: Client, service: str, arn: str) -> Any:
    """A client that has the credentials of a session of the role."""
    keys = client("sts").assume_role(RoleArn=arn, RoleSessionName="test")["Credentials"]
    return client(
        service,
        aws_access_key_id=keys["AccessKeyId"],
        aws_secret_access_key=keys["SecretAccessKey"],
        aws_session_token=keys["SessionToken"],
    )


def assumable(client: Client, name: str, statement: dict[str, Any]) -> str:
    """A role for the operator with one policy statement; its ARN."""
    trust = {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::000000000000:root"}, "Action": "sts:AssumeRole"}
    iam = client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | statement]})
    iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
    return arn


def test_a_call_of_the_operator_is_recorded(client: Client, last: Callable[[], list[dict[str, Any]]]) -> None:
    client("ssm").put_parameter(Name="/recorded", Value="1", Type="String")
    (call,) = last()
    assert (call["principal"], call["service"], call["action"]) == ("operator", "ssm", "ssm:PutParameter")
    assert (call["mutating"], call["allowed"], call["status"], call["error"]) == (True, True, 200, "")


def test_a_failed_call_is_recorded_with_its_code(client: Client, last: Callable[[], list[dict[str, Any]]]) -> None:
    with pytest.raises(ClientError):
        client("ssm").get_parameter(Name="/none")
    (call,) = last()
    assert (call["mutating"], call["allowed"], call["error"]) == (False, True, "ParameterNotFound")


def test_a_denied_call_is_recorded_as_denied(client: Client, last: Callable[[], list[dict[str, Any]]]) -> None:
    role = assumable(client, "reader", {"Action": "ssm:GetParameter", "Resource": "*"})
    with pytest.raises(ClientError) as denial:
        as_role(client, "sns", role).create_topic(Name="no")
    assert denial.value.response["Error"]["Code"] in {"AccessDenied", "AuthorizationError"}
    denied = [call for call in last() if not call["allowed"]]
    assert [(call["principal"], call["action"], call["error"]) for call in denied] == [
        ("reader", "sns:CreateTopic", "AccessDenied")
    ]


def test_the_emulated_dms_is_reached_and_its_calls_are_recorded(
    client: Client, last: Callable[[], list[dict[str, Any]]]
) -> None:
    assert client("dms").describe_replication_tasks()["ReplicationTasks"] == []
    (call,) = last()
    assert (call["action"], call["resource"]) == ("dms:DescribeReplicationTasks", "*")


def test_every_resource_of_a_call_is_checked(client: Client, last: Callable[[], list[dict[str, Any]]]) -> None:
    instance = "arn:aws:rds:us-east-1:000000000000:db:a"
    role = assumable(client, "half", {"Action": "rds:CreateDBSnapshot", "Resource": instance})
    with pytest.raises(ClientError, match="not authorized"):
        as_role(client, "rds", role).create_db_snapshot(DBInstanceIdentifier="a", DBSnapshotIdentifier="b")
    checked = [(call["resource"].rpartition(":db:")[2], call["allowed"]) for call in last() if call["service"] == "rds"]
    assert checked == [("a", True), ("arn:aws:rds:us-east-1:000000000000:snapshot:b", False)]


def test_a_change_of_route53_is_a_resource(client: Client) -> None:
    changes = "arn:aws:route53:::change/*"
    route53 = as_role(
        client, "route53", assumable(client, "asks", {"Action": "route53:GetChange", "Resource": changes})
    )
    with pytest.raises(route53.exceptions.NoSuchChange):
        route53.get_change(Id="C1")


def test_a_schedule_is_checked_in_its_own_group(client: Client, make_role: MakeRole) -> None:
    schedule = "arn:aws:scheduler:us-east-1:000000000000:schedule/migrations/*"
    role = assumable(client, "grouped", {"Action": "scheduler:GetSchedule", "Resource": schedule})
    scheduler = as_role(client, "scheduler", role)
    with pytest.raises(scheduler.exceptions.ResourceNotFoundException):
        scheduler.get_schedule(Name="x", GroupName="migrations")
    with pytest.raises(ClientError, match="not authorized"):
        scheduler.get_schedule(Name="x")


def test_a_dns_change_has_an_arn_of_its_own(client: Client, make_role: MakeRole) -> None:
    role = assumable(client, "waits", {"Action": "route53:GetChange", "Resource": "arn:aws:route53:::change/*"})
    route53 = as_role(client, "route53", role)
    with pytest.raises(route53.exceptions.NoSuchChange):
        route53.get_change(Id="C0")


def test_a_role_is_handed_to_a_service_only_with_pass_role(client: Client, make_role: MakeRole) -> None:
    passed = make_role("for-scheduler", ["scheduler.amazonaws.com"], [])
    to_scheduler = {"StringEquals": {"iam:PassedToService": "scheduler.amazonaws.com"}}
    passing = {"Action": "iam:PassRole", "Resource": passed, "Condition": to_scheduler}
    role = assumable(client, "no-pass", {"Action": "scheduler:*", "Resource": "*"})
    asked = {
        "Name": "passing",
        "ScheduleExpression": "rate(1 day)",
        "FlexibleTimeWindow": {"Mode": "OFF"},
        "Target": {"Arn": "arn:aws:lambda:us-east-1:000000000000:function:x", "RoleArn": passed},
    }
    with pytest.raises(ClientError, match="iam:PassRole"):
        as_role(client, "scheduler", role).create_schedule(**asked)
    policy = json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow"} | passing]})
    client("iam").put_role_policy(RoleName="no-pass", PolicyName="pass", PolicyDocument=policy)
    as_role(client, "scheduler", role).create_schedule(**asked)
