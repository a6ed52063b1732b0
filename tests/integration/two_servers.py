"""A source and a target with real replication between them, and the smallest fenced cut-over that loses nothing."""

import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.native

from rehearsal.account import names
from rehearsal.servers.certificates import ENDPOINT_LABEL
from rehearsal.servers.installation import Installation
from rehearsal.servers.postgres import Server, base_backup
from rehearsal.workload import schema
from tests.ports import free_port

SOURCE_HOST, TARGET_HOST = (f"{name}.{ENDPOINT_LABEL}.us-east-1.rds.amazonaws.com" for name in ("old", "new"))
WRITER_NAME, READER_NAME = "writer.shop.internal", "reader.shop.internal"
PASSWORD = "application-password"
GUARD = """
create function public.refuse() returns trigger language plpgsql as $$
begin raise exception 'this side is closed' using errcode = '25006'; end $$
"""
OPEN = """
create or replace function public.refuse() returns trigger language plpgsql as $$ begin return null; end $$
"""
READ_ONLY_BY_DEFAULT = "alter database orders set default_transaction_read_only = on"
NO_LONGER = "alter database orders reset default_transaction_read_only"
GUARD_EVERY_TABLE = """
do $$ declare name text; begin
  for name in select c.oid::regclass::text from pg_class c
      where relnamespace = 'orders'::regnamespace and relkind in ('r', 'p') and not relispartition loop
    execute format('create trigger refuse before insert or update or delete on %s'
        ' for each statement execute function public.refuse()', name);
  end loop;
end $$
"""
BUMP = "select setval(quote_ident(schemaname) || '.' || quote_ident(sequencename), 10000000) from pg_sequences"
KILL = "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'orders_app'"


@dataclass
class TwoServers:
    """Both servers and the name server in front of them."""

    state: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="crossfade-two-")))
    records: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.state.chmod(0o755)
        self.installation = Installation(self.state / "pg", free_port("127.0.0.31"))
        self.source, self.target = (
            Server(self.installation, self.installation.servers / host, address)
            for host, address in ((SOURCE_HOST, "127.0.0.31"), (TARGET_HOST, "127.0.0.32"))
        )
        self._point_at(SOURCE_HOST)
        hosts = {SOURCE_HOST: self.source.address, TARGET_HOST: self.target.address}
        self.name_server = names.start("127.0.0.1", 0, lambda: self.records, hosts.get)

    def build(self) -> None:
        """A seeded source, a copy of it that is closed to the application, and replication from one to the other."""
        self.source.settings["wal_level"] = "logical"
        self.source.initialise()
        self.source.start()
        self.source.run("create database orders")
        with self.source.connect("orders") as source:
            schema.create(source, PASSWORD)
            source.run("create table public.marker (id int primary key)")
            source.run("create publication everything for all tables")
        base_backup(self.installation, self.source.address, self.target.data)
        self.target.start()
        subscribe = f"create subscription forward connection '{self._conninfo()}' publication everything"
        with self.target.connect("orders") as target:
            for statement in ("drop publication everything", GUARD, GUARD_EVERY_TABLE):
                target.run(statement)
            target.run(f"{subscribe} with (copy_data = false)")
            target.run(READ_ONLY_BY_DEFAULT)  # sessions opened now stay refused for themselves, even after the opening

    def cut_over(self) -> None:
        """Fence, kill, marker, sequences, open, flip: the order of AWS_RULES R5.4."""
        with self.source.connect("orders") as source, self.target.connect("orders") as target:
            target.run("set default_transaction_read_only = off")
            target.run(BUMP)
            source.run("alter role orders_app nologin")
            source.run("alter database orders set default_transaction_read_only = on")
            while source.run(KILL):
                time.sleep(0.001)
            source.run("insert into public.marker values (1)")
            while not target.run("select 1 from public.marker"):
                time.sleep(0.001)
            target.run(NO_LONGER)
            target.run(OPEN)
            self._point_at(TARGET_HOST)

    def close(self) -> None:
        """Stops everything and removes every file."""
        self.name_server.close()
        for server in (self.source, self.target):
            server.stop(crash=True)
        shutil.rmtree(self.state)

    @contextmanager
    def admin(self) -> Iterator[tuple[pg8000.native.Connection, pg8000.native.Connection]]:
        """Superuser's sessions on the target and the source, which may write."""
        with self.target.connect("orders") as target, self.source.connect("orders") as source:
            source.run("set default_transaction_read_only = off")
            yield target, source

    def _point_at(self, host: str) -> None:
        self.records[:] = [
            {"Name": name, "Type": "CNAME", "TTL": 60, "Values": [host]} for name in (WRITER_NAME, READER_NAME)
        ]

    def _conninfo(self) -> str:
        login = f"user=rdsadmin password={self.installation.password}"
        return f"host={self.source.address} port={self.installation.port} dbname=orders {login}"
