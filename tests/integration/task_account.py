"""An account for tests of tasks, in one process: moto beside the emulated RDS and DMS, real servers, a deployed source.

Handlers run as in Lambda: `run` waits through NotReady as the state machine's Retry does, and keeps each result under
its ResultPath.
"""

import importlib
import json
import re
import socket
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pg8000.native
import pytest

from migration import clients
from migration.errors import NotReady
from rehearsal.account.dms.service import build
from rehearsal.account.rds.service import api_of
from rehearsal.account.wire import Api
from rehearsal.workload import schema
from tests.account_client import answer_with
from tests.account_platform import MemoryPlatform
from tests.integration.rds_account import MASTER, PASSWORD, RdsAccount

ASL = json.loads((Path(__file__).parents[2] / "statemachines" / "migrate.asl.json").read_text())["States"]
APPLICATION_PASSWORD = "application-Passw0rd"
WRITER_NAME, READER_NAME = "writer.orders.internal", "reader.orders.internal"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": "us-east-1",
    "CROSSFADE_TABLE": "ledger",
    "CROSSFADE_SOURCES_PREFIX": "/crossfade/sources/",
    "CROSSFADE_WRITER_PREFIX": "/crossfade/",
    "CROSSFADE_DMS_SECRETS_ROLE_ARN": "arn:aws:iam::000000000000:role/dms-secrets",
    "CROSSFADE_SCHEDULE_GROUP": "crossfade",
    "CROSSFADE_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
    "CROSSFADE_SCHEDULE_DLQ_ARN": "arn:aws:sqs:us-east-1:123456789012:dlq",
}
PLAIN_SCHEMA = """
create table orders (id bigint generated always as identity primary key, note text not null, total numeric);
create table lines (order_id bigint references orders, line int, primary key (order_id, line));
insert into orders (note, total) select repeat('x', g), g from generate_series(1, 500) g;
insert into lines select g, 1 from generate_series(1, 500) g;
grant select, insert, update, delete on orders, lines to orders_app
"""


class MotoPlatform(MemoryPlatform):
    """A platform whose secrets are moto's and whose metrics reach moto's CloudWatch."""

    REGION = "us-east-1"
    ACCOUNT_ID = "123456789012"
    closed = False
    """After the test: threads of the emulated services may still speak, but moto no longer listens."""

    def secret_value(self, secret_id: str) -> dict[str, Any]:
        value: dict[str, Any] = json.loads(
            boto3.client("secretsmanager").get_secret_value(SecretId=secret_id)["SecretString"]
        )
        return value

    def put_secret(self, name: str, value: dict[str, Any]) -> str:
        return str(boto3.client("secretsmanager").create_secret(Name=name, SecretString=json.dumps(value))["ARN"])

    def put_metric(
        self, namespace: str, name: str, dimensions: dict[str, str], value: float, unit: str = "None"
    ) -> None:
        if self.closed:
            return
        found = [{"Name": key, "Value": text} for key, text in dimensions.items()]
        datum: Any = {"MetricName": name, "Dimensions": found, "Value": value}
        boto3.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[datum])


@dataclass
class TaskAccount:
    """The account, the deployed source `orders`, and one execution's state."""

    rds: RdsAccount
    settings: dict[str, Any] = field(default_factory=dict)
    state: dict[str, Any] = field(default_factory=dict)
    execution_arn: str = ""

    def deploy(self, sql: str | None = PLAIN_SCHEMA, **instance: Any) -> None:
        """Makes what the stack and the operator make: table, settings, secrets, zone, and the source with `sql`."""
        self._emulate()
        self._make_source(sql, instance)
        endpoint = self.rds.instance("orders-db")["Endpoint"]["Address"]
        self.settings = {
            "instanceId": "orders-db",
            "databaseName": "orders",
            "masterSecretArn": self._secret("orders/master", MASTER, PASSWORD),
            "applicationSecretArn": self._secret("orders/application", schema.APPLICATION_ROLE, APPLICATION_PASSWORD),
            "writerName": WRITER_NAME,
            "readerName": READER_NAME,
            "hostedZoneId": self._zone(endpoint),
        }
        self.store_settings()
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        self.execution_arn = self.start_execution()

    def store_settings(self, **changes: Any) -> None:
        """The source's settings, with changes, as the stack would put them."""
        self.settings |= changes
        boto3.client("ssm").put_parameter(
            Name="/crossfade/sources/orders", Value=json.dumps(self.settings), Type="String", Overwrite=True
        )

    def start_execution(self) -> str:
        """A running execution of a state machine that only waits; its ARN."""
        machines = boto3.client("stepfunctions")
        waiting = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": True}}}
        # Idempotent, as CreateStateMachine is.
        machine = machines.create_state_machine(
            name="crossfade-migrate", definition=json.dumps(waiting), roleArn="arn:aws:iam::123456789012:role/machine"
        )
        execution = machines.start_execution(stateMachineArn=machine["stateMachineArn"], name=str(uuid.uuid4()))
        return str(execution["executionArn"])

    def assess(self, **given: Any) -> dict[str, Any]:
        """Runs AssessSource with this input; the plan is kept."""
        event = {"input": {"source": "orders", **given}, "executionArn": self.execution_arn}
        self.state["plan"] = self._handler("AssessSource")(event, None)
        return dict(self.state["plan"])

    def once(self, name: str) -> dict[str, Any]:
        """Runs a task one time; what it raises is the test's."""
        # Through JSON, as between Step Functions and Lambda.
        result = self._handler(name)(json.loads(json.dumps(self.state)), None)
        return dict(json.loads(json.dumps(result)))

    def run(self, name: str, limit_seconds: float = 40.0) -> dict[str, Any]:
        """Runs a task until it is ready, like the state machine."""
        deadline = time.monotonic() + limit_seconds
        while True:
            try:
                result = self.once(name)
            except NotReady as progress:
                if time.monotonic() > deadline:
                    pytest.fail(f"{name} is still not ready: {progress}")
                time.sleep(0.05)
            else:
                self.state[ASL[name]["ResultPath"].removeprefix("$.")] = result
                return result

    def run_until(self, last: str) -> None:
        """Assesses and runs all tasks up to and including `last`."""
        self.assess()
        name = "ClaimMigration"
        while True:
            self.run(name)
            if name == last:
                return
            name = ASL[name]["Next"]

    @contextmanager
    def source(self, *login: str) -> Iterator[pg8000.native.Connection]:
        """A session on the source: the master user's unless another's name and password are given."""
        with self.rds.session(self.rds.instance("orders-db")["Endpoint"]["Address"], *login) as session:
            yield session

    @contextmanager
    def target(self, user: str = "", password: str = "") -> Iterator[pg8000.native.Connection]:
        """A session on the target's writer: the master user's unless another is named."""
        ready = self.state["targetReady"]
        secret = self.platform.secret_value(ready["masterSecretArn"])
        login = (user, password) if user else (secret["username"], secret["password"])
        with self.rds.session(ready["writerHost"], *login) as session:
            yield session

    @property
    def platform(self) -> MotoPlatform:
        assert isinstance(self.rds.platform, MotoPlatform)
        return self.rds.platform

    @property
    def migration_id(self) -> str:
        return str(self.state["plan"]["migrationId"])

    def ledger_item(self, key: str) -> dict[str, Any]:
        """A raw item of the ledger; {} when there is none."""
        answer = boto3.client("dynamodb").get_item(TableName="ledger", Key={"id": {"S": key}})
        return dict(answer.get("Item", {}))

    def records(self, name: str) -> list[dict[str, Any]]:
        """The records of a DNS name: [{SetIdentifier, Weight, Value}, …]."""
        found = boto3.client("route53").list_resource_record_sets(HostedZoneId=self.settings["hostedZoneId"])
        return [
            {
                "id": record.get("SetIdentifier", ""),
                "weight": record.get("Weight"),
                "host": record["ResourceRecords"][0]["Value"],
            }
            for record in found["ResourceRecordSets"]
            if record["Name"] == name + "."
        ]

    def _emulate(self) -> None:
        apis: list[tuple[Any, Api]] = [
            (clients.rds(), api_of(self.rds.fleet)),
            (clients.dms(), build(self.platform, self.rds.fleet.installation.connect)),
        ]
        for client, api in apis:
            answer_with(client, api)

    def _make_source(self, sql: str | None, instance: dict[str, Any]) -> None:
        client = self.rds.client
        client.create_db_parameter_group(
            DBParameterGroupName="orders", DBParameterGroupFamily="postgres18", Description="logical replication"
        )
        logical = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
        client.modify_db_parameter_group(DBParameterGroupName="orders", Parameters=[logical])
        self.rds.create_source(DBParameterGroupName="orders", **instance)
        with self.source() as session:
            session.run(f"create role {schema.APPLICATION_ROLE} login password '{APPLICATION_PASSWORD}'")
            for statement in re.split(r";\s*\n", sql or ""):
                session.run(statement)

    def _secret(self, name: str, username: str, password: str) -> str:
        text = json.dumps({"username": username, "password": password})
        return str(boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])

    def _zone(self, source_host: str) -> str:
        route53 = boto3.client("route53")
        zone = route53.create_hosted_zone(Name="orders.internal", CallerReference="1")["HostedZone"]["Id"]
        for name in (WRITER_NAME, READER_NAME):
            record: Any = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": source_host}]}
            change: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
            route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=change)
        return zone.rsplit("/", 1)[-1]

    def _handler(self, state: str) -> Any:
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", state).lower()
        return importlib.import_module(f"tasks.{name}").handler


def name_resolver(platform: MemoryPlatform) -> Any:
    """`socket.getaddrinfo` that knows the RDS endpoints, as the VPC's resolver does."""
    machine = socket.getaddrinfo

    def getaddrinfo(host: Any, *arguments: Any, **options: Any) -> Any:
        return machine(platform.hosts.get(host, host), *arguments, **options)

    return getaddrinfo
