"""Secrets Manager and SSM on moto."""

import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto import mock_aws

from migration import clients
from migration.access import Address, Credentials
from migration.errors import MigrationBlocked, StateDrifted, Throttled
from migration.parameters import Parameters
from migration.secrets import PASSWORD_LENGTH, Secrets
from tests.integration.task_account import ENVIRONMENT

ADDRESS = Address("orders-db.x.rds.amazonaws.com", 5432, "orders")
SETTINGS = {
    "instanceId": "orders-db",
    "databaseName": "orders",
    "masterSecretArn": "arn:m",
    "applicationSecretArn": "arn:a",
    "writerName": "w.x",
    "readerName": "r.x",
    "hostedZoneId": "Z1",
}


@pytest.fixture(autouse=True)
def aws(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        yield


@pytest.fixture
def secrets() -> Secrets:
    return Secrets(boto3.client("secretsmanager"))


@pytest.fixture
def parameters() -> Parameters:
    return Parameters(boto3.client("ssm"))


def test_a_secret_is_made_replaced_and_deleted_twice(secrets: Secrets) -> None:
    first = secrets.put("crossfade/a/source", Credentials("role", "one"), ADDRESS, {"k": "v"})
    assert secrets.put("crossfade/a/source", Credentials("role", "two"), ADDRESS, {"k": "v"}) == first
    assert secrets.credentials(first) == Credentials("role", "two")
    text = boto3.client("secretsmanager").get_secret_value(SecretId=first)["SecretString"]
    assert json.loads(text) == {"username": "role", "password": "two", "host": ADDRESS.host, "port": 5432}
    secrets.delete("crossfade/a/source")
    secrets.delete("crossfade/a/source")
    assert secrets.find("crossfade/a/source") is None
    secrets.put("crossfade/a/source", Credentials("role", "three"), ADDRESS, {})


def test_putting_the_same_makes_no_version(secrets: Secrets) -> None:
    for _ in range(3):
        secrets.put("crossfade/a/source", Credentials("role", "one"), ADDRESS, {})
    found = boto3.client("secretsmanager").list_secret_version_ids(SecretId="crossfade/a/source")
    assert len(found["Versions"]) == 1


def test_passwords_fit_every_connection_string(secrets: Secrets) -> None:
    password = secrets.new_password()
    assert len(password) == PASSWORD_LENGTH
    assert password.isalnum()
    assert password != secrets.new_password()


def test_a_missing_or_strange_secret_is_drift_without_its_text(secrets: Secrets) -> None:
    with pytest.raises(StateDrifted, match="The secret nowhere does not exist"):
        secrets.credentials("nowhere")
    for number, text in enumerate(("hunter2", '{"user": "hunter2"}', '["hunter2"]')):
        boto3.client("secretsmanager").create_secret(Name=f"s{number}", SecretString=text)
        with pytest.raises(StateDrifted, match="must be JSON") as caught:
            secrets.credentials(f"s{number}")
        assert "hunter2" not in str(caught.value)
        assert caught.value.__suppress_context__


def test_settings_of_a_source(parameters: Parameters) -> None:
    boto3.client("ssm").put_parameter(Name="/s/orders", Value=json.dumps(SETTINGS), Type="String")
    assert parameters.source_settings("/s/", "orders").target_cluster_ids == []
    with pytest.raises(MigrationBlocked, match=r"The source billing is unknown: correct the name, or add it"):
        parameters.source_settings("/s/", "billing")


@pytest.mark.parametrize("text", ["{", "{}", '{"instanceId": "orders-db"}'])
def test_broken_settings_ask_for_a_deployment(parameters: Parameters, text: str) -> None:
    boto3.client("ssm").put_parameter(Name="/s/orders", Value=text, Type="String")
    with pytest.raises(MigrationBlocked, match="is broken"):
        parameters.source_settings("/s/", "orders")


def test_the_generation_rises_with_each_change_of_the_writer(parameters: Parameters) -> None:
    assert [parameters.publish_writer("/w/", "orders", host, 5432) for host in ("a", "a", "b", "b", "a")] == [
        1,
        1,
        2,
        2,
        3,
    ]


@pytest.mark.parametrize("code", ["ThrottlingException", "RequestLimitExceeded"])
def test_throttling_is_patience_whatever_the_service(code: str) -> None:
    clients.ssm.cache_clear()
    client: Any = clients.ssm()
    answer = {"Error": {"Code": code, "Message": "slow down"}, "ResponseMetadata": {}}
    client.meta.events.register("before-call", lambda **_: (_Answer(), answer))
    with pytest.raises(Throttled, match=code):
        Parameters(client).source_settings("/s/", "orders")
    clients.ssm.cache_clear()


class _Answer:
    """An HTTP answer of a service that has had enough."""

    status_code = 400
