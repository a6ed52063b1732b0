"""An account for the emulated DMS without ministack: a platform in memory, two real servers, an operator's moves."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pg8000.exceptions import InterfaceError
from pg8000.native import Connection

from rehearsal.account.dms.database import hang_up
from rehearsal.account.dms.service import build
from rehearsal.account.wire import Api, ApiError
from rehearsal.servers.installation import Installation
from rehearsal.servers.postgres import Server
from tests.ports import free_port

PACE = 3000.0
DATABASE = "shop"
ROLE = "arn:aws:iam::000000000000:role/dms-secrets"
HOSTS = {"source.test.rds.amazonaws.com": "127.0.0.31", "target.test.rds.amazonaws.com": "127.0.0.32"}
REPLICA = "SET session_replication_role='replica'"
EVERYTHING = (
    '{"rules": [{"rule-type": "selection", "rule-id": "1", "rule-name": "1", "rule-action": "include",'
    ' "object-locator": {"schema-name": "app", "table-name": "%"}}]}'
)


@dataclass
class MemoryPlatform:
    """The account's services, in memory."""

    REGION: str = "us-east-1"
    ACCOUNT_ID: str = "000000000000"
    hosts: dict[str, str] = field(default_factory=lambda: dict(HOSTS))
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: set[str] = field(default_factory=set)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    metrics: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def scaled(self, seconds: float) -> float:
        return seconds / PACE

    def sleep(self, seconds: float) -> None:
        time.sleep(self.scaled(seconds))

    def put_event(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        self.events.append((detail_type, {**detail, "source": source, "resources": resources}))

    def put_metric(
        self, namespace: str, name: str, dimensions: dict[str, str], value: float, unit: str = "None"
    ) -> None:
        self.metrics.append((name, dimensions, value))

    def secret_value(self, secret_id: str) -> dict[str, Any]:
        return self.secrets[secret_id]

    def role_allows(self, role_arn: str, action: str, resource: str, service: str | None = None) -> bool:
        return role_arn not in self.refused

    def host_address(self, name: str) -> str | None:
        return self.hosts.get(name)

    def run_later(self, seconds: float, action: Callable[[], None]) -> None:
        timer = threading.Timer(self.scaled(seconds), action)
        timer.daemon = True
        timer.start()


@contextlib.contextmanager
def running_servers(**source_settings: str) -> Iterator[tuple[Server, Server]]:
    """A source with wal_level=logical and a target, both with a master user as RDS makes it."""
    state = Path(tempfile.mkdtemp(prefix=f"crossfade-dms-{os.geteuid()}-"))
    state.chmod(0o755)
    installation = Installation(state, free_port("127.0.0.31"))
    settings = {"wal_level": "logical", **source_settings}
    source = Server(installation, installation.servers / "source", "127.0.0.31", settings)
    target = Server(installation, installation.servers / "target", "127.0.0.32", {"wal_level": "logical"})
    try:
        for server in (source, target):
            server.initialise()
            server.start()
            _make_master(server)
            server.run(f"CREATE DATABASE {DATABASE} OWNER master")
            server.run("CREATE SCHEMA app AUTHORIZATION master", DATABASE)
        yield source, target
    finally:
        for server in (source, target):
            server.stop(crash=True)
        shutil.rmtree(state, ignore_errors=True)


def _make_master(server: Server) -> None:
    session = server.installation.connect(server.address)
    session.run("CREATE ROLE rds_superuser; CREATE ROLE rds_replication")
    session.run("GRANT pg_monitor, pg_read_all_data, pg_write_all_data TO rds_superuser")
    session.run("GRANT SET ON PARAMETER session_replication_role TO rds_superuser")
    session.run("CREATE ROLE master LOGIN CREATEDB CREATEROLE REPLICATION PASSWORD 'it''s \\secret'")
    session.run("GRANT rds_superuser, rds_replication TO master")
    session.close()


@contextlib.contextmanager
def new_lab(servers: tuple[Server, Server]) -> Iterator[Lab]:
    """A new account with the two databases; afterwards they are empty again."""
    lab = Lab(*servers)
    try:
        yield lab
    finally:
        lab.stop_tasks()
        lab.close()
        _clear(*servers)


def _clear(source: Server, target: Server) -> None:
    """Slots and subscriptions left by a test would hold the next one's."""
    with contextlib.closing(target.installation.connect(target.address, DATABASE)) as session:
        session.run("SET default_transaction_read_only = off")
        for (name,) in session.run("SELECT subname FROM pg_subscription"):
            session.run(f"ALTER SUBSCRIPTION {name} DISABLE")
            session.run(f"ALTER SUBSCRIPTION {name} SET (slot_name = NONE)")
            session.run(f"DROP SUBSCRIPTION {name}")
    await_true(lambda: not source.run("SELECT FROM pg_replication_slots WHERE active"))
    source.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    for server in (source, target):
        server.run(f"ALTER DATABASE {DATABASE} RESET ALL")
        server.run("DROP SCHEMA app, public CASCADE", DATABASE)
        server.run("CREATE SCHEMA app AUTHORIZATION master", DATABASE)
        server.run("CREATE SCHEMA public AUTHORIZATION pg_database_owner", DATABASE)
        for (name,) in server.run("SELECT pubname FROM pg_publication", DATABASE):
            server.run(f"DROP PUBLICATION {name}", DATABASE)


class Lab:
    """One account with one pair of databases, and the calls an operator makes."""

    database = DATABASE

    def __init__(self, source: Server, target: Server) -> None:
        self.source, self.target = source, target
        self._kept: dict[str, Connection] = {}
        self.platform = MemoryPlatform()
        self.api: Api = build(self.platform, source.installation.connect)
        for kind, host in zip(("source", "target"), HOSTS, strict=True):
            login = {"username": "master", "password": "it's \\secret", "host": host}
            self.platform.secrets[f"{kind}-secret"] = {**login, "port": source.installation.port}

    def call(self, operation: str, **parameters: Any) -> dict[str, Any]:
        """One API call. Raises ApiError."""
        return self.api.invoke(operation, parameters)

    def on_both(self, sql: str) -> None:
        for host in HOSTS:
            with self.session(host) as session:
                session.run(sql)

    @contextlib.contextmanager
    def session(self, host: str) -> Iterator[Connection]:
        """A session of the master user."""
        session = self._login(self.platform.hosts[host])
        try:
            yield session
        finally:
            session.close()

    def _login(self, address: str) -> Connection:
        port, word = self.source.installation.port, "it's \\secret"
        return Connection("master", host=address, port=port, database=self.database, password=word)

    def on_source(self, sql: str) -> list[list[Any]]:
        return self._run("source.test.rds.amazonaws.com", sql)

    def on_target(self, sql: str) -> list[list[Any]]:
        return self._run("target.test.rds.amazonaws.com", sql)

    def close(self) -> None:
        for kept in self._kept.values():
            hang_up(kept)
        self._kept.clear()

    def _run(self, host: str, sql: str) -> list[list[Any]]:
        """Run on a kept session: logging in costs more than most statements."""
        address = self.platform.hosts[host]
        if address not in self._kept:
            self._kept[address] = self._login(address)
        try:
            return list(self._kept[address].run(sql) or [])
        except InterfaceError:
            hang_up(self._kept.pop(address))
            raise

    def instance(self) -> str:
        """A replication instance that is available; its ARN."""
        group = {"ReplicationSubnetGroupIdentifier": "group", "SubnetIds": ["subnet-1", "subnet-2"]}
        self.call("CreateReplicationSubnetGroup", ReplicationSubnetGroupDescription="both zones", **group)
        created = self.call(
            "CreateReplicationInstance",
            ReplicationInstanceIdentifier="lab",
            ReplicationInstanceClass="dms.t3.medium",
            ReplicationSubnetGroupIdentifier="group",
        )
        arn = str(created["ReplicationInstance"]["ReplicationInstanceArn"])
        await_true(lambda: self._instance_status(arn) == "available")
        return arn

    def endpoint(self, kind: str, **settings: Any) -> str:
        """An endpoint through a secret; its ARN."""
        secret = {"SecretsManagerAccessRoleArn": ROLE, "SecretsManagerSecretId": f"{kind}-secret"}
        created = self.call(
            "CreateEndpoint",
            EndpointIdentifier=f"{kind}-end",
            EndpointType=kind,
            EngineName="postgres" if kind == "source" else "aurora-postgresql",
            DatabaseName=self.database,
            PostgreSQLSettings={**secret, **settings},
        )
        return str(created["Endpoint"]["EndpointArn"])

    def task(self, *, source: dict[str, Any] | None = None, script: str | None = REPLICA, **more: Any) -> str:
        """A ready full-load-and-cdc task over every table of schema app; its ARN."""
        target = {"AfterConnectScript": script} if script else {}
        given = {"CaptureDdls": False, **(source or {})}
        parameters = {
            "ReplicationTaskIdentifier": "move",
            "ReplicationInstanceArn": self.instance(),
            "SourceEndpointArn": self.endpoint("source", **given),
            "TargetEndpointArn": self.endpoint("target", **target),
            "MigrationType": "full-load-and-cdc",
            "TableMappings": EVERYTHING,
            **more,
        }
        arn = str(self.call("CreateReplicationTask", **parameters)["ReplicationTask"]["ReplicationTaskArn"])
        self.await_status(arn, "ready")
        for key in ("SourceEndpointArn", "TargetEndpointArn"):
            self.test_connection(parameters["ReplicationInstanceArn"], parameters[key])
        return arn

    def test_connection(self, instance: str, endpoint: str) -> dict[str, Any]:
        """The finished test."""
        self.call("TestConnection", ReplicationInstanceArn=instance, EndpointArn=endpoint)
        filters = [{"Name": "endpoint-arn", "Values": [endpoint]}]
        await_true(lambda: self.call("DescribeConnections", Filters=filters)["Connections"][0]["Status"] != "testing")
        return dict(self.call("DescribeConnections", Filters=filters)["Connections"][0])

    def start(self, arn: str, kind: str = "start-replication") -> None:
        self.call("StartReplicationTask", ReplicationTaskArn=arn, StartReplicationTaskType=kind)

    def stop_tasks(self) -> None:
        """Let nothing work on the databases any more."""
        for task in self.call("DescribeReplicationTasks")["ReplicationTasks"]:
            arn = task["ReplicationTaskArn"]
            with contextlib.suppress(ApiError):
                self.call("StopReplicationTask", ReplicationTaskArn=arn)
            await_true(lambda arn=arn: self.described(arn)["Status"] in ("ready", "stopped", "failed"))  # type: ignore[misc]

    def described(self, arn: str) -> dict[str, Any]:
        filters = [{"Name": "replication-task-arn", "Values": [arn]}]
        return dict(self.call("DescribeReplicationTasks", Filters=filters)["ReplicationTasks"][0])

    def await_status(self, arn: str, status: str) -> dict[str, Any]:
        """The task once it has the status; a failed one tells why."""
        ended = {status, "failed"}
        await_true(lambda: self.described(arn)["Status"] in ended)
        task = self.described(arn)
        assert task["Status"] == status, task.get("LastFailureMessage")
        return task

    def await_loaded(self, arn: str) -> None:
        await_true(lambda: "FullLoadFinishDate" in self.described(arn)["ReplicationTaskStats"])

    def tables(self, arn: str) -> dict[str, dict[str, Any]]:
        rows = self.call("DescribeTableStatistics", ReplicationTaskArn=arn)["TableStatistics"]
        return {row["TableName"]: row for row in rows}

    def latest_metric(self, name: str) -> float:
        return next(value for known, _, value in reversed(self.platform.metrics) if known == name)

    def _instance_status(self, arn: str) -> str:
        filters = [{"Name": "replication-instance-arn", "Values": [arn]}]
        found = self.call("DescribeReplicationInstances", Filters=filters)["ReplicationInstances"]
        return str(found[0]["ReplicationInstanceStatus"])


def await_true(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Poll until the condition holds; AssertionError when it does not in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
