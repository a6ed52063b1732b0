"""Two real servers with logical replication between them, moto for AWS, and an application that writes."""

from __future__ import annotations

import contextlib
import itertools
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import boto3
import pg8000.native

from migration import clients, direction, source_preparation, target_preparation
from migration.aurora import TargetEndpoints
from migration.cut_over import move_writer
from migration.cut_over_run import CutOverRun
from migration.cut_over_steps import FINISH_BACK, PREPARE_BACK, STALL_BACK
from migration.direction import CUT_OVER, Direction
from migration.gate import TargetGate
from migration.ledger import Ledger
from migration.model import MigrationPlan, Options, Source, SourceSettings, Target
from migration.names import Names
from migration.parameters import Parameters
from migration.route53 import DnsRecords
from migration.scram import verifier
from migration.secrets import Secrets
from migration.sides import Sides
from migration.weights import Side
from rehearsal.servers.installation import Installation
from rehearsal.servers.postgres import Server, base_backup

MASTER, APPLICATION, PASSWORD, DATABASE = "crossfade_admin", "orders_app", "a-Passw0rd", "orders"
WRITER, READER = "writer.orders.internal", "reader.orders.internal"
EXECUTION = "arn:aws:states:us-east-1:123456789012:execution:crossfade-migrate:x"
ROLES = f"""
create role rds_superuser nologin; create role rds_replication nologin;
grant pg_monitor, pg_signal_backend, pg_read_all_data, pg_write_all_data to rds_superuser with admin option;
grant set on parameter session_replication_role to rds_superuser;
create role {MASTER} login createdb createrole replication password '{PASSWORD}';
grant rds_superuser, rds_replication to {MASTER} with admin option
"""
SCHEMA = f"""
create role {APPLICATION} login password '{PASSWORD}';
create table writes (id bigserial primary key, client int not null, number int not null, unique (client, number));
create table totals (client int primary key, writes bigint not null);
create table nothing (id int primary key);
create table "Odd ""Names" ("A key" int, crossfade_row text, primary key ("A key", crossfade_row));
create table parts (id int, at date, note text, primary key (id, at)) partition by range (at);
create table parts_old partition of parts for values from ('2020-01-01') to ('2025-01-01');
create table parts_new partition of parts for values from ('2025-01-01') to ('2030-01-01');
create table kinds (
    id int primary key, price numeric, twice numeric generated always as (price * 2) stored, ratio float8,
    at timestamptz, doc jsonb, raw bytea, plain json, lasted interval, tags text[]);
grant select, insert, update, delete on writes, totals to {APPLICATION};
grant usage on all sequences in schema public to {APPLICATION}
"""
LAST_ATTEMPT = 99
DROP_SLOT = "select pg_drop_replication_slot(slot_name) from pg_replication_slots where slot_name = '{slot}'"
WRITE = (
    "begin; insert into writes (client, number) values ({client}, {number});"
    " insert into totals values ({client}, 1) on conflict (client) do update set writes = totals.writes + 1; commit"
)


@dataclass
class Stage:
    """The databases before, between and after cut-overs; `reset` puts everything back before the cut-over."""

    installation: Installation
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        servers, port = self.installation.servers, self.installation.port
        self.source = Server(self.installation, servers / "source", "127.0.0.41", {"wal_level": "logical"})
        self.target = Server(self.installation, servers / "target", "127.0.0.42", {"wal_level": "logical"})
        settings = SourceSettings("orders-db", DATABASE, "master", "application", WRITER, READER, "")
        self.endpoints = TargetEndpoints("arn:cluster", self.target.address, self.target.address, port, "master")
        self.plan = MigrationPlan(
            "orders-0a1b2c3d",
            EXECUTION,
            Source(
                "orders", settings, "arn:db", "postgres", "18.6", "db.m6g.large", self.source.address, port, "subnets",
                [], [], "orders", True, None, MASTER, [APPLICATION],
            ),
            Target("orders-aurora", "aurora-postgresql", "18.6", "aurora-postgresql18", 0.5, 8),
            Options(),
            "dms", "", "dms.t3.medium", [],
        )  # fmt: skip
        self.replication_role = Names(self.plan).replication_role

    def build(self) -> None:
        """Servers, replication from one to the other, a closed target, and what AWS holds."""
        self.source.initialise()
        self.source.start()
        self._run_all(self.source, "postgres", ROLES)
        self.source.run(f"create database {DATABASE} owner {MASTER}")
        with self._master(self.source) as master:
            for statement in SCHEMA.split(";"):
                master.run(statement)
        self._aws()
        with self.sides().source_admin() as session:
            source_preparation.prepare(session, self.replication_role, verifier(PASSWORD))
        base_backup(self.installation, self.source.address, self.target.data)
        self.target.start()
        with self.sides().target_admin() as session:
            target_preparation.empty_and_close(session, self.replication_role, self.plan.migration_id)
        self._replicate("forward", self.source, self.target)
        self._replicate("back", self.target, self.source)

    def _replicate(self, name: str, publisher: Server, subscriber: Server) -> None:
        """What DMS does on one way; `origin = none`: rows that came by replication do not go back."""
        tables = "tables in schema public, table crossfade.marker"
        publisher.run(f"create publication {name} for {tables}", DATABASE)
        login = f"user=rdsadmin password={self.installation.password}"
        place = f"host={publisher.address} port={self.installation.port} dbname={DATABASE} {login}"
        options = "copy_data = false, origin = none"
        subscriber.run(f"create subscription {name} connection '{place}' publication {name} with ({options})", DATABASE)

    def close(self) -> None:
        """Stops both servers."""
        for server in (self.target, self.source):
            server.stop(crash=True)

    def sides(self) -> Sides:
        """As a task makes them."""
        return Sides(self.plan, self.endpoints, Secrets(clients.secretsmanager()))

    def ledger(self) -> Ledger:
        """The migration's ledger."""
        return Ledger(clients.dynamodb(), "ledger")

    def records(self) -> DnsRecords:
        """The hosted zone's two names."""
        return DnsRecords(clients.route53(), self.plan.source.settings)

    def run(self, way: Direction = CUT_OVER) -> CutOverRun:
        """What one invocation of CutOver, or of SwitchBack, works with."""
        sides = self.sides()
        sides.read_secrets()
        return CutOverRun(
            way, self.plan, sides, self.ledger(), self.records(), Parameters(clients.ssm()), "/crossfade/"
        )

    def way_back(self, attempt: int = 1) -> Direction:
        """As an operator's roll_back asks for it."""
        self.ledger().update(self.plan.migration_id, {"rollBack": {"attempt": attempt}})
        return direction.switch_back(self.plan, self.ledger())

    def published(self) -> str:
        """Address of the published writer."""
        value = clients.ssm().get_parameter(Name="/crossfade/orders/writer")["Parameter"]["Value"]
        return str(json.loads(value)["host"])

    @contextmanager
    def application(self, address: str) -> Iterator[pg8000.native.Connection]:
        """A session of the application on the server at `address`."""
        connection = self._connect(address, APPLICATION)
        try:
            yield connection
        finally:
            with contextlib.suppress(pg8000.native.InterfaceError, OSError):
                connection.close()

    def accepts_writes(self, server: Server) -> bool:
        """Whether the application can log in and write there; what it wrote is rolled back."""
        try:
            with self.application(server.address) as connection:
                connection.run("begin; insert into writes (client, number) values (-1, 1); rollback")
        except pg8000.native.DatabaseError:
            return False
        return True

    def gate(self) -> str:
        """The gate of the target."""
        with self.sides().target_admin() as session:
            return TargetGate().read(session).value

    def rows(self, server: Server) -> list[list[object]]:
        """Every write there."""
        return server.run("select client, number, count(*) from writes group by 1, 2 order by 1, 2", DATABASE)

    def await_equal(self, seconds: float = 10.0) -> None:
        """Returns when both sides hold the same rows; a test that waits longer fails."""
        deadline = time.monotonic() + seconds
        while self.rows(self.source) != self.rows(self.target):
            assert time.monotonic() < deadline, "the target does not hold what the source holds"
            time.sleep(0.02)

    def reset(self) -> None:
        """As it was before the cut-over. A target that is open is left by a switch back, so that nothing is lost.

        The rest is for tests only: a gate that was opened or sealed never closes again.
        """
        if self.gate() == "open":
            with self.run(self.way_back(LAST_ATTEMPT)) as run:
                move_writer(run, PREPARE_BACK, STALL_BACK, FINISH_BACK)
            self.await_equal()
        for server in (self.source, self.target):
            server.run(f"alter database {DATABASE} reset default_transaction_read_only")
        self.target.run("update crossfade.gate set state = 'closed'", DATABASE)
        self.target.run(DROP_SLOT.format(slot=Names(self.plan).reverse_slot))
        self.source.run("drop table if exists crossfade.gate", DATABASE)
        for server in (self.source, self.target):
            server.run(f"alter role {APPLICATION} login")
        self.ledger().delete(self.plan.migration_id)
        self.records().flip_all(Side.SOURCE)
        Parameters(clients.ssm()).publish_writer("/crossfade/", "orders", self.source.address, self.installation.port)

    def _aws(self) -> None:
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        for name, user in (("master", MASTER), ("application", APPLICATION)):
            text = json.dumps({"username": user, "password": PASSWORD})
            boto3.client("secretsmanager").create_secret(Name=name, SecretString=text)
        zone = boto3.client("route53").create_hosted_zone(Name="orders.internal", CallerReference="1")
        object.__setattr__(self.plan.source.settings, "hosted_zone_id", zone["HostedZone"]["Id"])
        for name in (WRITER, READER):
            record: Any = {"Name": name, "Type": "CNAME", "TTL": 60}
            record["ResourceRecords"] = [{"Value": self.source.address}]
            change: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": record}]}
            boto3.client("route53").change_resource_record_sets(
                HostedZoneId=zone["HostedZone"]["Id"], ChangeBatch=change
            )
        self.records().make_weighted(self.source.address)
        self.records().add_target(self.target.address, self.target.address)
        Parameters(clients.ssm()).publish_writer("/crossfade/", "orders", self.source.address, self.installation.port)

    def _connect(self, address: str, user: str) -> pg8000.native.Connection:
        return pg8000.native.Connection(
            user, host=address, port=self.installation.port, database=DATABASE, password=PASSWORD, timeout=10
        )

    @contextmanager
    def _master(self, server: Server) -> Iterator[pg8000.native.Connection]:
        connection = self._connect(server.address, MASTER)
        try:
            yield connection
        finally:
            with contextlib.suppress(pg8000.native.InterfaceError, OSError):
                connection.close()

    @staticmethod
    def _run_all(server: Server, database: str, statements: str) -> None:
        with server.connect(database) as connection:
            for statement in statements.split(";"):
                connection.run(statement)


class Writers:
    """Clients that write numbered rows to the published writer and repeat each until it is acknowledged."""

    def __init__(self, stage: Stage, count: int, pause_seconds: float = 0.002) -> None:
        self._stage, self._pause_seconds = stage, pause_seconds
        self._stopped = threading.Event()
        self.acknowledged: list[tuple[float, int, int]] = []
        first = next(stage.numbers)
        names = [first * 1000 + index for index in range(count)]
        self._threads = [threading.Thread(target=self._write, args=(name,), daemon=True) for name in names]

    def __enter__(self) -> Writers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        for thread in self._threads:
            thread.join(15)
            assert not thread.is_alive(), "a writer found no database that takes its write"

    @property
    def longest_gap_ms(self) -> float:
        """The longest time between two acknowledgements of any clients."""
        times = sorted(at for at, _, _ in self.acknowledged)
        return max((after - before) * 1000 for before, after in itertools.pairwise(times))

    def lost(self, server: Server) -> list[tuple[int, int]]:
        """Acknowledged writes that are not there exactly once."""
        there = {(row[0], row[1]) for row in self._stage.rows(server) if row[2] == 1}
        return [(client, number) for _, client, number in self.acknowledged if (client, number) not in there]

    def _write(self, client: int) -> None:
        number, connection = 0, cast("pg8000.native.Connection | None", None)
        while not self._stopped.is_set() or connection is None:
            try:
                connection = connection or self._stage._connect(self._stage.published(), APPLICATION)
                connection.run(WRITE.format(client=client, number=number))
            except pg8000.native.DatabaseError as error:
                if connection is None or error.args[0].get("C") != "23505":
                    connection = self._dropped(connection)
                    continue
                connection.run("rollback")  # it was committed before the connection was cut
            except (pg8000.native.InterfaceError, OSError):
                connection = self._dropped(connection)
                continue
            self.acknowledged.append((time.monotonic(), client, number))
            number += 1
            time.sleep(self._pause_seconds)
        connection.close()

    @staticmethod
    def _dropped(connection: pg8000.native.Connection | None) -> None:
        with contextlib.suppress(Exception):
            if connection:
                connection.close()
        time.sleep(0.003)
