"""One real account, the pinned ministack with every mend, for all contract tests of the session."""

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
from botocore.config import Config

from rehearsal import process
from rehearsal.process import Account
from tests.contract.account_support import PACE, Client, archive


@pytest.fixture(scope="session")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """The account, at a pace of 60 on a free port."""
    with process.account(state_dir=tmp_path_factory.mktemp("account"), pace=PACE, emulated=("dms",)) as started:
        yield started


@pytest.fixture(scope="session")
def client(account: Account) -> Client:
    """Makes a boto3 client of the account: of its root user, or of the given credentials."""

    def make(service: str, **credentials: str) -> Any:
        keys = credentials or {"aws_access_key_id": "test", "aws_secret_access_key": "test"}
        config = Config(retries={"max_attempts": 0}, inject_host_prefix=False, read_timeout=30)
        connect: Any = boto3.client
        return connect(service, region_name="us-east-1", endpoint_url=account.endpoint_url, config=config, **keys)

    return make


@pytest.fixture(scope="session")
def make_role(client: Client) -> Callable[..., str]:
    """Makes a role that `services` may assume and that may do `actions` on everything; its ARN."""

    def make(name: str, services: list[str], actions: list[str], resource: str = "*") -> str:
        trust = {"Effect": "Allow", "Principal": {"Service": services}, "Action": "sts:AssumeRole"}
        iam = client("iam")
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
        if actions:
            allow = {"Effect": "Allow", "Action": actions, "Resource": resource}
            policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
            iam.put_role_policy(RoleName=name, PolicyName="p", PolicyDocument=policy)
        return arn

    return make


@pytest.fixture(scope="session")
def make_function(client: Client, make_role: Callable[..., str]) -> Callable[..., str]:
    """Makes a Python 3.13 function from the source of its module; its ARN."""

    def make(name: str, source: str, *, actions: tuple[str, ...] = (), **settings: Any) -> str:
        role = make_role(f"{name}-role", ["lambda.amazonaws.com"], list(actions))
        function = client("lambda").create_function(
            FunctionName=name,
            Runtime="python3.13",
            Role=role,
            Handler="index.handler",
            Code={"ZipFile": archive({"index.py": source})},
            **({"Timeout": 30} | settings),
        )
        arn: str = function["FunctionArn"]
        return arn

    return make
