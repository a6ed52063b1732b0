"""Everything the emulated RDS holds, and what every operation shares: names, states, time, background work."""

from __future__ import annotations

import contextlib
import datetime as dt
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.account.platform_protocol import Platform
from rehearsal.account.rds.applied_parameters import AppliedParameters
from rehearsal.account.wire import ApiError
from rehearsal.servers.certificates import ENDPOINT_LABEL, REGION
from rehearsal.servers.installation import Installation
from rehearsal.servers.postgres import Server

ACCOUNT_ID = "000000000000"
ZONES = tuple(f"{REGION}{letter}" for letter in "abc")
FIRST_ADDRESS = 11
_log = logging.getLogger("crossfade.rds")

View = dict[str, Any]
"""A resource as its describe operation answers it."""


@dataclass
class Instance:
    """A DB instance: what is described, and the real server behind it (None until it runs)."""

    view: View
    address: str
    parameters: AppliedParameters
    server: Server | None = None
    password: str | None = None

    @property
    def identifier(self) -> str:
        return str(self.view["DBInstanceIdentifier"])

    @property
    def host(self) -> str:
        """The endpoint's name, also while it is not yet described."""
        return f"{self.identifier}.{ENDPOINT_LABEL}.{REGION}.rds.amazonaws.com"

    @property
    def status(self) -> str:
        return str(self.view["DBInstanceStatus"])

    @property
    def cluster(self) -> str | None:
        """The identifier of the cluster it is a member of."""
        return self.view.get("DBClusterIdentifier")


@dataclass
class Cluster:
    """A DB cluster. `volume` is the data directory that the writer runs on: Aurora's shared storage."""

    view: View
    volume: Path
    prepared: threading.Event = field(default_factory=threading.Event)
    """Set when the volume holds the restored data."""
    writer_runs: threading.Event = field(default_factory=threading.Event)
    pending_password: str | None = None
    """A master password given while no instance ran; the first writer takes it."""
    work: threading.RLock = field(default_factory=threading.RLock)
    """Held while servers of the cluster start, stop, change places or are copied."""
    converted: bool = False
    """Whether what the restored copy carried along was dropped."""

    @property
    def identifier(self) -> str:
        return str(self.view["DBClusterIdentifier"])

    @property
    def status(self) -> str:
        return str(self.view["Status"])

    @property
    def writer(self) -> str | None:
        """The identifier of the writer instance."""
        names = (str(m["DBInstanceIdentifier"]) for m in self.view["DBClusterMembers"] if m["IsClusterWriter"])
        return next(names, None)

    @property
    def readers(self) -> list[str]:
        """The identifiers of the other instances."""
        return [str(m["DBInstanceIdentifier"]) for m in self.view["DBClusterMembers"] if not m["IsClusterWriter"]]


@dataclass
class Snapshot:
    """A DB snapshot or DB cluster snapshot with its real copy of the data."""

    view: View
    data: Path
    source_view: View
    began_at: float = field(default_factory=time.monotonic)


@dataclass
class ParameterGroup:
    """A parameter group of an instance or a cluster: the values the user set, and how each is to be applied."""

    view: View
    values: dict[str, str] = field(default_factory=dict)


@dataclass
class Fleet:
    """The account's RDS in one Region. `lock` guards every view; slow work is done outside it."""

    platform: Platform
    installation: Installation
    lock: threading.RLock = field(default_factory=threading.RLock)
    instances: dict[str, Instance] = field(default_factory=dict)
    clusters: dict[str, Cluster] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    cluster_snapshots: dict[str, Snapshot] = field(default_factory=dict)
    parameter_groups: dict[str, ParameterGroup] = field(default_factory=dict)
    cluster_parameter_groups: dict[str, ParameterGroup] = field(default_factory=dict)
    subnet_groups: dict[str, View] = field(default_factory=dict)
    tags: dict[str, dict[str, str]] = field(default_factory=dict)
    events: list[View] = field(default_factory=list)
    _addresses_given: int = 0

    def instance(self, identifier: str) -> Instance:
        """By identifier or ARN. Raises DBInstanceNotFound."""
        found = self.instances.get(bare_name(identifier))
        if found is None:
            raise ApiError("DBInstanceNotFound", f"DBInstance {bare_name(identifier)} not found.")
        return found

    def cluster(self, identifier: str) -> Cluster:
        """By identifier or ARN. Raises DBClusterNotFoundFault."""
        found = self.clusters.get(bare_name(identifier))
        if found is None:
            raise ApiError("DBClusterNotFoundFault", f"DBCluster {bare_name(identifier)} not found.")
        return found

    def members(self, cluster: Cluster) -> list[Instance]:
        """The cluster's instances, the writer first."""
        names = [*([cluster.writer] if cluster.writer else []), *cluster.readers]
        return [self.instances[name] for name in names if name in self.instances]

    def next_address(self) -> str:
        """The loopback address of the next server: 127.0.0.11, then .12, .13 … in order of creation."""
        with self.lock:
            number = FIRST_ADDRESS + self._addresses_given
            self._addresses_given += 1
        return f"127.0.{number // 250}.{number % 250}"

    def in_background(self, work: Callable[[], None], on_failure: Callable[[], None]) -> None:
        """Run `work` in its own thread; when it raises, log it and run `on_failure` (set the failed status)."""

        def run() -> None:
            try:
                work()
            except Exception:
                _log.exception("RDS background work failed")
                with self.lock:
                    on_failure()

        self.platform.run_later(0, run)

    @contextlib.contextmanager
    def lasting(self, seconds: float) -> Iterator[None]:
        """Let the block take at least `seconds` of AWS time; real work that takes longer is not cut short."""
        began = time.monotonic()
        yield
        self.platform.sleep(seconds - (time.monotonic() - began) * self.platform.pace())


def arn(kind: str, name: str) -> str:
    """`kind` as RDS spells it in ARNs: db, cluster, snapshot, cluster-snapshot, pg, cluster-pg, subgrp."""
    return f"arn:aws:rds:{REGION}:{ACCOUNT_ID}:{kind}:{name}"


def bare_name(identifier: str) -> str:
    """The name in an ARN, or the identifier itself; RDS keeps identifiers in lower case."""
    return identifier.rsplit(":", 1)[-1].lower()


def cluster_host(identifier: str, *, reader: bool = False) -> str:
    """The writer's or the reader endpoint of a cluster."""
    return f"{identifier}.cluster-{'ro-' if reader else ''}{ENDPOINT_LABEL}.{REGION}.rds.amazonaws.com"


def resource_id(prefix: str) -> str:
    """An immutable id such as DbiResourceId: `db-` or `cluster-` and 26 capitals and digits."""
    return f"{prefix}-{uuid.uuid4().hex[:26].upper()}"


def now() -> dt.datetime:
    """The real time, UTC, in milliseconds as RDS gives it."""
    moment = dt.datetime.now(dt.UTC)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
