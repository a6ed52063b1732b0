"""Functions run under the real runtime client, with only what Lambda gives them."""

import json
import os
import signal
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.account_support import Client, archive

Invoke = Callable[..., tuple[Any, dict[str, Any]]]


@pytest.fixture(scope="session")
def invoke(client: Client) -> Invoke:
    """Invokes a function: the parsed payload, and the whole answer."""

    functions = client("lambda")

    def call(name: str, event: Any = None) -> tuple[Any, dict[str, Any]]:
        answer = functions.invoke(FunctionName=name, Payload=json.dumps(event or {}))
        return json.loads(answer["Payload"].read()), answer

    return call


def test_the_class_of_an_exception_is_its_error_type(make_function: Callable[..., str], invoke: Invoke) -> None:
    source = "class TargetNotReady(Exception): pass\ndef handler(event, context): raise TargetNotReady('42 % restored')"
    make_function("raises", source)
    payload, answer = invoke("raises")
    assert answer["FunctionError"] == "Unhandled"
    assert (payload["errorType"], payload["errorMessage"]) == ("TargetNotReady", "42 % restored")


def test_a_function_has_lambdas_environment_and_no_other(make_function: Callable[..., str], invoke: Invoke) -> None:
    make_function("env", "import os\ndef handler(event, context): return dict(os.environ)", MemorySize=256)
    environment, _ = invoke("env")
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "env"
    assert environment["AWS_LAMBDA_LOG_GROUP_NAME"] == "/aws/lambda/env"
    assert environment["AWS_REGION"] == "us-east-1"
    assert environment["AWS_ACCESS_KEY_ID"].startswith("ASIA")
    assert environment["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
    assert not [name for name in environment if name.startswith(("CROSSFADE", "MINISTACK"))]


def test_a_layer_is_importable_after_the_functions_own_code(
    make_function: Callable[..., str], client: Client, invoke: Invoke
) -> None:
    content = archive({"python/from_layer.py": "name = 'layer'", "python/both.py": "name = 'layer'"})
    layer = client("lambda").publish_layer_version(LayerName="deps", Content={"ZipFile": content})
    source = "import from_layer\ndef handler(event, context): return from_layer.name"
    make_function("layered", source, Layers=[layer["LayerVersionArn"]])
    assert invoke("layered")[0] == "layer"


def test_the_role_of_a_function_decides_what_it_may_call(make_function: Callable[..., str], invoke: Invoke) -> None:
    source = (
        "import boto3\ndef handler(event, context):\n"
        "    boto3.client('ssm').get_parameters(Names=['x'])\n    boto3.client('sqs').list_queues()"
    )
    make_function("caller", source, actions=("ssm:GetParameters",))
    payload, _ = invoke("caller")
    assert payload["errorType"] == "ClientError"
    assert "is not authorized to perform: sqs:ListQueues" in payload["errorMessage"]


def test_a_role_that_lambda_may_not_assume_runs_nothing(client: Client, make_role: Callable[..., str]) -> None:
    role = make_role("not-for-lambda", ["ec2.amazonaws.com"], [])
    code = {"ZipFile": archive({"index.py": "def handler(event, context): pass"})}
    functions = client("lambda")
    functions.create_function(
        FunctionName="untrusted", Runtime="python3.13", Role=role, Handler="index.handler", Code=code
    )
    answer = functions.invoke(FunctionName="untrusted")
    assert "cannot be assumed by Lambda" in json.loads(answer["Payload"].read())["errorMessage"]


def test_a_function_that_overruns_its_timeout_is_ended(make_function: Callable[..., str], invoke: Invoke) -> None:
    make_function("slow", "import time\ndef handler(event, context): time.sleep(event['seconds'])", Timeout=1)
    payload, _ = invoke("slow", {"seconds": 20})
    assert payload["errorType"] == "Sandbox.Timedout"
    assert invoke("slow", {"seconds": 0})[0] is None


def test_a_killed_worker_is_an_exit_error_and_the_next_call_has_a_new_one(
    make_function: Callable[..., str], invoke: Invoke
) -> None:
    make_function("pid", "import os, time\ndef handler(event, context):\n    return os.getpid()")
    make_function("suicide", "import os\ndef handler(event, context): os.kill(os.getpid(), 9)")
    assert invoke("suicide")[0]["errorType"] == "Runtime.ExitError"
    first, _ = invoke("pid")
    assert invoke("pid")[0] == first, "a warm worker is used again"
    os.kill(first, signal.SIGKILL)
    assert invoke("pid")[0] != first


def test_a_function_in_the_vpc_resolves_names_of_private_zones(
    make_function: Callable[..., str], client: Client, invoke: Invoke
) -> None:
    route53 = client("route53")
    zone = route53.create_hosted_zone(Name="vpc.internal", CallerReference="resolver")["HostedZone"]["Id"]
    records = {"alias": ("CNAME", "db.vpc.internal"), "db": ("A", "127.0.0.11")}
    changes = [
        {"Name": f"{name}.vpc.internal", "Type": kind, "TTL": 5, "ResourceRecords": [{"Value": value}]}
        for name, (kind, value) in records.items()
    ]
    batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": change} for change in changes]}
    change = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)["ChangeInfo"]["Id"]
    source = (
        "import socket\ndef handler(event, context):\n"
        "    return socket.getaddrinfo('alias.vpc.internal', 5432, type=socket.SOCK_STREAM)[0][4]"
    )
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    make_function("inside", source, VpcConfig={"SubnetIds": [subnet], "SecurityGroupIds": ["sg-1"]})
    make_function("outside", source)
    while route53.get_change(Id=change)["ChangeInfo"]["Status"] == "PENDING":
        time.sleep(0.05)
    assert invoke("inside")[0] == ["127.0.0.11", 5432]
    assert invoke("outside")[0]["errorType"] == "gaierror"


def test_a_warm_call_is_fast(make_function: Callable[..., str], invoke: Invoke) -> None:
    make_function("warm", "def handler(event, context): return event")
    invoke("warm")
    took = []
    for _ in range(10):
        started = time.perf_counter()
        invoke("warm", {"n": 1})
        took.append(time.perf_counter() - started)
    assert sorted(took)[5] < 0.05
