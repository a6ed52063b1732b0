"""What a template asks for is there afterwards."""

import json
import uuid
from collections.abc import Callable
from typing import Any

import pytest

from tests.contract.account_support import Client


@pytest.fixture
def deploy(client: Client) -> Callable[[dict[str, Any]], None]:
    """Creates a stack of these resources."""

    def create(resources: dict[str, Any]) -> None:
        stacks, name = client("cloudformation"), f"s-{uuid.uuid4().hex}"
        stacks.create_stack(StackName=name, TemplateBody=json.dumps({"Resources": resources}))
        waiter = stacks.get_waiter("stack_create_complete")
        waiter.wait(StackName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 20})

    return create


def test_a_function_is_in_its_vpc_with_its_concurrency(
    deploy: Callable[..., None], client: Client, make_role: Callable[..., str]
) -> None:
    subnet = client("ec2").describe_subnets()["Subnets"][0]["SubnetId"]
    properties = {
        "FunctionName": "templated",
        "Runtime": "python3.13",
        "Handler": "index.handler",
        "Code": {"ZipFile": "def handler(event, context): pass"},
        "Role": make_role("templated-role", ["lambda.amazonaws.com"], []),
        "VpcConfig": {"SubnetIds": [subnet], "SecurityGroupIds": ["sg-1"]},
        "ReservedConcurrentExecutions": 1,
    }
    deploy({"Function": {"Type": "AWS::Lambda::Function", "Properties": properties}})
    function = client("lambda").get_function(FunctionName="templated")
    assert function["Configuration"]["VpcConfig"]["SubnetIds"] == [subnet]
    assert function["Concurrency"]["ReservedConcurrentExecutions"] == 1


def test_an_invalid_definition_fails_the_stack(
    deploy: Callable[..., None], client: Client, make_role: Callable[..., str]
) -> None:
    role = make_role("templated-machine", ["states.amazonaws.com"], [])
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "Next": "None"}}})
    properties = {"RoleArn": role, "DefinitionString": definition}
    with pytest.raises(Exception, match=r"ROLLBACK|failed"):
        deploy({"Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": properties}})
