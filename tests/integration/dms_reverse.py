"""Tasks from the target back to the source: an operator's moves, for the tests of the emulated DMS."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from typing import Any

from rehearsal.account import faults
from rehearsal.account.wire import ApiError
from rehearsal.servers.postgres import Server
from tests.integration.dms_support import REPLICA, ROLE, Lab, await_true, new_lab

SCHEMA = """
CREATE TABLE app.account (id int PRIMARY KEY, cents int NOT NULL);
CREATE TABLE app.entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id int NOT NULL, cents int);
CREATE TABLE app.canary (id text PRIMARY KEY, at timestamptz DEFAULT now());
"""
STOP_ON_CONFLICT = json.dumps(
    {"ErrorBehavior": {f"ApplyError{verb}Policy": "STOP_TASK" for verb in ("Insert", "Update", "Delete")}}
)
SLOT = "way_back"


@contextlib.contextmanager
def two_way_lab(servers: tuple[Server, Server]) -> Iterator[Lab]:
    """A lab whose databases change roles; afterwards neither has a slot, a subscription or a rule of faults left."""
    with new_lab(servers) as made:
        made.on_both(SCHEMA)
        for server in servers:
            server.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        yield made
        faults.clear()
        made.stop_tasks()
        for server in servers:
            empty(server)


def empty(server: Server) -> None:
    """The databases change roles here: both may have subscriptions, publications and slots."""
    server.run("ALTER DATABASE shop RESET ALL")
    for (name,) in server.run("SELECT subname FROM pg_subscription", "shop"):
        for change in ("DISABLE", "SET (slot_name = NONE)"):
            server.run(f"ALTER SUBSCRIPTION {name} {change}", "shop")
        server.run(f"DROP SUBSCRIPTION {name}", "shop")
    await_true(lambda: not server.run("SELECT FROM pg_replication_slots WHERE active"))
    server.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def mapping(*tables: str) -> str:
    rules = [
        {
            "rule-type": "selection",
            "rule-id": str(number),
            "rule-name": str(number),
            "rule-action": "include",
            "object-locator": {"schema-name": "app", "table-name": table},
        }
        for number, table in enumerate(tables, 1)
    ]
    return json.dumps({"rules": rules})


class Reverse:
    """Tasks from the target to the source, over one pair of endpoints, on the replication instance of `lab`."""

    def __init__(self, lab: Lab, instance: str | None = None, **target: Any) -> None:
        self.lab, self.instance = lab, instance or lab.instance()
        self.source = self._endpoint("source", "aurora-postgresql", "target-secret", SlotName=SLOT, CaptureDdls=False)
        self.target = self._endpoint("target", "postgres", "source-secret", AfterConnectScript=REPLICA, **target)

    def _endpoint(self, kind: str, engine: str, secret: str, **settings: Any) -> str:
        created = self.lab.call(
            "CreateEndpoint",
            EndpointIdentifier=f"reverse-{kind}",
            EndpointType=kind,
            EngineName=engine,
            DatabaseName=self.lab.database,
            PostgreSQLSettings={"SecretsManagerAccessRoleArn": ROLE, "SecretsManagerSecretId": secret, **settings},
        )
        arn = str(created["Endpoint"]["EndpointArn"])
        assert self.lab.test_connection(self.instance, arn)["Status"] == "successful"
        return arn

    def task(self, name: str = "back", *tables: str) -> str:
        """A ready task; its ARN."""
        created = self.lab.call(
            "CreateReplicationTask",
            ReplicationTaskIdentifier=name,
            ReplicationInstanceArn=self.instance,
            SourceEndpointArn=self.source,
            TargetEndpointArn=self.target,
            MigrationType="cdc",
            TableMappings=mapping(*(tables or ("account", "canary"))),
            ReplicationTaskSettings=STOP_ON_CONFLICT,
        )
        arn = str(created["ReplicationTask"]["ReplicationTaskArn"])
        self.lab.await_status(arn, "ready")
        return arn

    def make_slot(self) -> str:
        """As the product makes it; its position."""
        self.lab.on_target(f"SELECT pg_create_logical_replication_slot('{SLOT}', 'test_decoding')")
        return self.position()

    def position(self) -> str:
        rows = self.lab.on_target(
            f"SELECT confirmed_flush_lsn::text FROM pg_replication_slots WHERE slot_name = '{SLOT}'"
        )
        return str(rows[0][0])

    def start(self, arn: str, position: str) -> None:
        self.lab.call(
            "StartReplicationTask",
            ReplicationTaskArn=arn,
            StartReplicationTaskType="start-replication",
            CdcStartPosition=position,
        )

    def run(self, arn: str, position: str) -> None:
        self.start(arn, position)
        self.lab.await_status(arn, "running")

    def stop(self, arn: str) -> None:
        self.lab.call("StopReplicationTask", ReplicationTaskArn=arn)
        self.lab.await_status(arn, "stopped")

    def delete(self, arn: str) -> None:
        self.lab.call("DeleteReplicationTask", ReplicationTaskArn=arn)
        gone = [{"Name": "replication-task-arn", "Values": [arn]}]
        await_true(lambda: refusal(lambda: self.lab.call("DescribeReplicationTasks", Filters=gone)) is not None)


def refusal(call: Any) -> str | None:
    try:
        call()
    except ApiError as error:
        return str(error)
    return None


def failure(lab: Lab, arn: str) -> str:
    await_true(lambda: lab.described(arn)["Status"] == "failed")
    return str(lab.described(arn)["LastFailureMessage"])


def await_on_source(lab: Lab, account: int) -> None:
    await_true(lambda: bool(lab.on_source(f"SELECT FROM app.account WHERE id = {account}")))
