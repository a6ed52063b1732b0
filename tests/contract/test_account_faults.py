"""Faults happen where a rehearsal asks for them, and look as AWS's own do."""

import json
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectionClosedError

from rehearsal.process import Account, AccountError
from tests.contract.account_support import Client

CALLS: dict[str, tuple[str, Callable[[Any], Any]]] = {
    "json": ("ssm:GetParameters", lambda make: make("ssm").get_parameters(Names=["x"])),
    "json of the emulated DMS": ("dms:DescribeReplicationTasks", lambda make: make("dms").describe_replication_tasks()),
    "query": ("sns:ListTopics", lambda make: make("sns").list_topics()),
    "rest-xml": ("route53:ListHostedZones", lambda make: make("route53").list_hosted_zones()),
    "rest-json": ("scheduler:ListSchedules", lambda make: make("scheduler").list_schedules()),
    "rest-json of Lambda": ("lambda:ListFunctions", lambda make: make("lambda").list_functions()),
    "cbor": ("cloudwatch:ListMetrics", lambda make: make("cloudwatch").list_metrics()),
    "dynamodb": ("dynamodb:ListTables", lambda make: make("dynamodb").list_tables()),
    "secrets": ("secretsmanager:ListSecrets", lambda make: make("secretsmanager").list_secrets()),
    "states": ("states:ListStateMachines", lambda make: make("stepfunctions").list_state_machines()),
}


@pytest.fixture(autouse=True)
def no_faults_left(account: Account) -> Iterator[None]:
    yield
    account.clear_faults()


@pytest.mark.parametrize(("action", "call"), CALLS.values(), ids=CALLS)
def test_an_error_has_its_code_in_every_protocol(
    account: Account, client: Client, action: str, call: Callable[[Any], Any]
) -> None:
    account.add_faults({"kind": "api", "action": action, "effect": "error", "code": "Throttling", "message": "slow"})
    with pytest.raises(ClientError) as failure:
        call(client)
    error, metadata = failure.value.response["Error"], failure.value.response["ResponseMetadata"]
    assert (error["Code"], error["Message"], metadata["HTTPStatusCode"]) == ("Throttling", "slow", 400)
    call(client)
    assert account.faults()[0]["struck"] == 1


def test_an_error_of_the_service_is_its_exception(account: Account, client: Client) -> None:
    rule = {"kind": "api", "action": "ssm:*", "effect": "error", "code": "InternalServerError", "status": 500}
    account.add_faults(rule)
    ssm = client("ssm")
    with pytest.raises(ssm.exceptions.InternalServerError) as failure:
        ssm.get_parameters(Names=["x"])
    assert failure.value.response["ResponseMetadata"]["HTTPStatusCode"] == 500


@pytest.mark.parametrize(
    ("effect", "failure"), [("error-after", ClientError), ("drop-after", ConnectionClosedError), ("error", ClientError)]
)
def test_a_call_may_have_taken_effect(
    account: Account, client: Client, effect: str, failure: type[Exception], request: pytest.FixtureRequest
) -> None:
    name = f"/{effect}"
    account.add_faults(
        {"kind": "api", "action": "ssm:PutParameter", "match": name, "effect": effect, "code": "InternalServerError"}
        | ({} if effect.startswith("error") else {"message": "unused"})
    )
    ssm = client("ssm")
    with pytest.raises(failure):
        ssm.put_parameter(Name=name, Value="1", Type="String")
    assert len(ssm.get_parameters(Names=[name])["Parameters"]) == (effect != "error")


def test_a_call_is_late(account: Account, client: Client) -> None:
    account.add_faults({"kind": "api", "action": "sns:ListTopics", "effect": "delay", "seconds": 0.5})
    started = time.monotonic()
    client("sns").list_topics()
    assert time.monotonic() - started >= 0.5


def test_a_rule_lets_some_pass_and_ends(account: Account, client: Client) -> None:
    rule = {"kind": "api", "action": "sns:ListTopics", "effect": "error", "code": "Throttled", "skip": 1, "times": 2}
    account.add_faults(rule)
    assert [outcome(client) for _ in range(4)] == ["", "Throttled", "Throttled", ""]


def test_a_rule_of_another_principal_or_request_does_not_strike(account: Account, client: Client) -> None:
    rule = {"kind": "api", "action": "sns:ListTopics", "effect": "error", "code": "Throttled"}
    account.add_faults(rule | {"principal": "crossfade-*"}, rule | {"match": "another"})
    assert outcome(client) == ""
    account.add_faults(rule | {"principal": "operator", "match": "ListTopics"})
    assert outcome(client) == "Throttled"


def test_a_lot_is_the_same_for_the_same_seed(account: Account, client: Client) -> None:
    rule = {"kind": "api", "action": "sns:ListTopics", "effect": "error", "code": "Throttled"}
    drawn = []
    for _ in range(2):
        account.clear_faults()
        account.add_faults(rule | {"probability": 0.5, "seed": 7})
        drawn.append([outcome(client) for _ in range(12)])
    assert drawn[0] == drawn[1]
    assert set(drawn[0]) == {"", "Throttled"}


def test_the_struck_call_is_in_the_record(account: Account, client: Client) -> None:
    before = len(account.calls())
    account.add_faults({"kind": "api", "action": "sns:ListTopics", "effect": "error", "code": "Throttled"})
    outcome(client)
    (call,) = account.calls(after=before)
    assert (call["action"], call["allowed"], call["error"]) == ("sns:ListTopics", True, "Throttled")


def test_a_function_is_killed_where_its_log_says(
    account: Account, client: Client, make_function: Callable[..., str]
) -> None:
    source = (
        "import boto3, logging, os\nssm = boto3.client('ssm')\nlogging.getLogger().setLevel('INFO')\n"
        "def handler(event, context):\n"
        "    for step in event['steps']:\n"
        "        logging.getLogger().info('step %s of %s', step, event['id'])\n"
        "        ssm.put_parameter(Name='/killed/' + event['id'], Value=step, Type='String', Overwrite=True)\n"
        "    return os.getpid()"
    )
    make_function("steps", source, actions=("ssm:PutParameter",), LoggingConfig={"LogFormat": "JSON"})

    def run(migration: str) -> Any:
        event = json.dumps({"id": migration, "steps": ["one", "two", "three"]})
        return json.loads(client("lambda").invoke(FunctionName="steps", Payload=event)["Payload"].read())

    first = run("other")
    account.add_faults({"kind": "kill", "function": "steps", "match": "step two", "and": "mine"})
    assert run("other") == first, "the rule names another migration"
    assert run("mine")["errorType"] == "Runtime.ExitError"
    assert client("ssm").get_parameter(Name="/killed/mine")["Parameter"]["Value"] == "one"
    assert run("mine") != first, "the next invocation has a new process"


@pytest.mark.parametrize(
    ("rule", "complaint"),
    [
        ({"kind": "none"}, "kind is 'none': it is one of api, kill, event"),
        ({"kind": "api", "action": "sns:*", "effect": "burn"}, "effect is 'burn'"),
        ({"kind": "api", "action": "sns:*", "effect": "error"}, "code is missing"),
        ({"kind": "kill", "function": "f", "matches": "x"}, "matches is unknown"),
        ({"kind": "event", "name": "x", "times": -1}, "times is -1"),
        ({"kind": "event", "name": "x", "probability": 2}, "probability is 2"),
    ],
)
def test_a_wrong_rule_is_refused(account: Account, rule: dict[str, Any], complaint: str) -> None:
    with pytest.raises(AccountError, match=complaint):
        account.add_faults(rule)
    assert account.faults() == []


def outcome(client: Client) -> str:
    """The error code of one call, or nothing."""
    try:
        client("sns").list_topics()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ""
