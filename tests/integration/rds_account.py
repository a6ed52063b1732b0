"""The emulated RDS with a client, for tests: real servers, AWS time passing 600 times faster."""

import contextlib
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import pg8000.native
from botocore.exceptions import ClientError
from pg8000.exceptions import InterfaceError

from rehearsal.account.rds.fleet import Fleet
from rehearsal.account.rds.service import api_of
from tests.account_client import client_of
from tests.account_platform import MemoryPlatform

MASTER, PASSWORD = "crossfade_admin", "first-Passw0rd"
SOURCE = {
    "DBInstanceIdentifier": "orders-db",
    "Engine": "postgres",
    "EngineVersion": "18.4",
    "DBInstanceClass": "db.m6g.large",
    "AllocatedStorage": 20,
    "MasterUsername": MASTER,
    "MasterUserPassword": PASSWORD,
    "DBName": "orders",
    "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
}


@dataclass
class RdsAccount:
    """One emulated RDS."""

    fleet: Fleet
    client: Any = field(init=False)

    def __post_init__(self) -> None:
        self.client = client_of(api_of(self.fleet))

    @property
    def platform(self) -> MemoryPlatform:
        assert isinstance(self.fleet.platform, MemoryPlatform)
        return self.fleet.platform

    def instance(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        return answer

    def cluster(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.describe_db_clusters(DBClusterIdentifier=name)["DBClusters"][0]
        return answer

    def snapshot(self, name: str) -> dict[str, Any]:
        answer: dict[str, Any] = self.client.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]
        return answer

    def until(self, holds: Callable[[], bool], seconds: float = 60.0) -> None:
        """Wait for a condition; a test that waits longer fails."""
        deadline = time.monotonic() + seconds
        while not holds():
            assert time.monotonic() < deadline, "the condition did not come to hold"
            time.sleep(0.05)

    def until_instance(self, name: str, status: str = "available") -> None:
        self.until(lambda: bool(self.instance(name)["DBInstanceStatus"] == status))

    def until_cluster(self, name: str, status: str = "available") -> None:
        self.until(lambda: bool(self.cluster(name)["Status"] == status))

    def create_source(self, **changes: Any) -> dict[str, Any]:
        self.client.create_db_instance(**{**SOURCE, **changes})
        self.until_instance("orders-db")
        return self.instance("orders-db")

    def take_snapshot(self, name: str = "orders-1") -> str:
        """The ARN of an available snapshot of the source."""
        self.client.create_db_snapshot(DBSnapshotIdentifier=name, DBInstanceIdentifier="orders-db")
        self.until(lambda: bool(self.snapshot(name)["Status"] == "available"))
        return str(self.snapshot(name)["DBSnapshotArn"])

    def restore_cluster(self, snapshot: str, **changes: Any) -> dict[str, Any]:
        request = {
            "DBClusterIdentifier": "orders-aurora",
            "SnapshotIdentifier": snapshot,
            "Engine": "aurora-postgresql",
            "EngineVersion": "18.4",
            "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 8},
            "EngineLifecycleSupport": "open-source-rds-extended-support-disabled",
        }
        self.client.restore_db_cluster_from_snapshot(**{**request, **changes})
        self.until_cluster("orders-aurora")
        return self.cluster("orders-aurora")

    def add_members(self, *names: str) -> None:
        for name in names:
            self.client.create_db_instance(
                DBInstanceIdentifier=name,
                DBClusterIdentifier="orders-aurora",
                Engine="aurora-postgresql",
                DBInstanceClass="db.serverless",
            )
        for name in names:
            self.until_instance(name)

    @contextlib.contextmanager
    def session(
        self, host: str, user: str = MASTER, password: str = PASSWORD, database: str = "orders"
    ) -> Iterator[pg8000.native.Connection]:
        """A session as an application would open it: the endpoint's name resolved by the account's DNS."""
        address = (self.platform.hosts[host], self.fleet.installation.port)
        # pg8000 leaves its own socket open when a login fails, and a warning is an error here.
        with socket.create_connection(address, timeout=5) as stream:
            session = pg8000.native.Connection(
                user, database=database, password=password, sock=stream, ssl_context=False
            )
            yield session
            with contextlib.suppress(InterfaceError):
                session.close()


def refusal(call: Callable[[], object]) -> str:
    """The error code with which a call is refused."""
    try:
        call()
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "accepted"
