"""Full load and change capture between two real servers, through the API an operator uses."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from rehearsal.servers.postgres import Server
from tests.integration.dms_support import Lab, await_true, running_servers

SCHEMA = """
CREATE SCHEMA app;
CREATE TABLE app.customer (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name text NOT NULL, profile jsonb);
CREATE TABLE app."Order" (id bigserial PRIMARY KEY, customer_id int NOT NULL REFERENCES app.customer,
    cents int NOT NULL, with_tax int GENERATED ALWAYS AS (cents * 12 / 10) STORED);
CREATE TABLE app.event (id bigint, day date NOT NULL, what text, blob bytea, PRIMARY KEY (id, day))
    PARTITION BY RANGE (day);
CREATE TABLE app.event_2026 PARTITION OF app.event FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE TABLE app.event_2027 PARTITION OF app.event FOR VALUES FROM ('2027-01-01') TO ('2028-01-01');
CREATE TABLE app.log_without_key (line text);
CREATE TABLE app.marker (id text PRIMARY KEY);
"""
ROWS = """
INSERT INTO app.customer (name, profile)
    SELECT 'Zoë ' || g, jsonb_build_object('n', g, 'tab', E'a\\tb') FROM generate_series(1, 200) g;
INSERT INTO app."Order" (customer_id, cents) SELECT 1 + g % 200, g FROM generate_series(1, 2000) g;
INSERT INTO app.event
    SELECT g, date '2026-06-01' + g, E'back\\\\slash\\n' || g, decode(md5(g::text), 'hex')
    FROM generate_series(1, 500) g;
INSERT INTO app.log_without_key SELECT g::text FROM generate_series(1, 50) g;
"""
CHECKSUMS = {
    "customer": "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM app.customer t",
    "Order": 'SELECT count(*), sum(hashtextextended(t::text, 0)) FROM app."Order" t',
    "event": "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM app.event t",
    "log_without_key": "SELECT count(*), sum(hashtextextended(t::text, 0)) FROM app.log_without_key t",
}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with running_servers() as pair:
        yield pair


@pytest.fixture
def lab(servers: tuple[Server, Server], request: pytest.FixtureRequest) -> Iterator[Lab]:
    made = Lab(*servers, database=request.node.name[:60].lower())
    made.on_both(SCHEMA)
    made.on_source(ROWS)
    yield made
    _clear(servers)


def _clear(servers: tuple[Server, Server]) -> None:
    """Slots and subscriptions left by a test would hold the next one's."""
    source, target = servers
    for (name,) in target.run(
        "SELECT datname FROM pg_database WHERE datname NOT IN ('postgres', 'template0', 'template1')"
    ):
        for (subscription,) in target.run("SELECT subname FROM pg_subscription", str(name)):
            target.run(f"ALTER SUBSCRIPTION {subscription} DISABLE", str(name))
            target.run(f"ALTER SUBSCRIPTION {subscription} SET (slot_name = NONE)", str(name))
            target.run(f"DROP SUBSCRIPTION {subscription}", str(name))
    await_true(lambda: not source.run("SELECT FROM pg_replication_slots WHERE active"))
    source.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")
    for server in servers:
        for (name,) in server.run("SELECT datname FROM pg_database WHERE datname LIKE 'test%'"):
            server.run(f'DROP DATABASE "{name}" WITH (FORCE)')


class Writers:
    """Sessions that insert, update and delete on the source until they are stopped."""

    def __init__(self, lab: Lab, count: int = 3) -> None:
        self._lab, self._stop, self.writes = lab, threading.Event(), 0
        self._threads = [threading.Thread(target=self._write, args=(number,)) for number in range(count)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _write(self, number: int) -> None:
        key = 10_000 * (number + 1)
        with self._lab.session("source.test.rds.amazonaws.com") as session:
            while not self._stop.wait(0.005):
                key += 1
                session.run(f'INSERT INTO app."Order" (customer_id, cents) VALUES (1 + {key} % 200, {key})')
                session.run(
                    f"UPDATE app.customer SET profile = profile || '{{\"seen\": {key}}}' WHERE id = 1 + {key} % 200"
                )
                session.run(f"INSERT INTO app.event VALUES ({key}, date '2026-01-01' + {key} % 700, 'live', NULL)")
                session.run(f"DELETE FROM app.event WHERE id = {key - 3}")
                session.run(f"INSERT INTO app.log_without_key VALUES ('{key}')")
                self.writes += 5


def _await_marker(lab: Lab, marker: str) -> None:
    lab.on_source(f"INSERT INTO app.marker VALUES ('{marker}')")
    await_true(lambda: bool(lab.on_target(f"SELECT FROM app.marker WHERE id = '{marker}'")))


def _assert_equal(lab: Lab) -> None:
    for name, checksum in CHECKSUMS.items():
        assert lab.on_source(checksum) == lab.on_target(checksum), name


def test_carries_everything_under_writes_through_stop_and_resume_and_leaves_its_slot(lab: Lab) -> None:
    task = lab.task()
    writers = Writers(lab)
    lab.start(task)
    lab.await_status(task, "running")
    lab.await_loaded(task)
    lab.call("StopReplicationTask", ReplicationTaskArn=task)
    assert lab.await_status(task, "stopped")["StopReason"] == "Stop Reason NORMAL"
    stopped_at = lab.on_target('SELECT count(*) FROM app."Order"')
    before = writers.writes
    await_true(lambda: writers.writes > before + 100)
    assert lab.on_target('SELECT count(*) FROM app."Order"') == stopped_at
    lab.start(task, "resume-processing")
    lab.await_status(task, "running")
    writers.stop()
    _await_marker(lab, "end")
    _assert_equal(lab)
    await_true(lambda: lab.tables(task)["marker"]["Inserts"] == 1)
    assert lab.latest_metric("CDCLatencyTarget") < 5
    lab.call("StopReplicationTask", ReplicationTaskArn=task)
    lab.await_status(task, "stopped")
    lab.call("DeleteReplicationTask", ReplicationTaskArn=task)
    await_true(lambda: not lab.call("DescribeReplicationTasks")["ReplicationTasks"])
    assert lab.on_target("SELECT count(*) FROM pg_stat_subscription") == [[0]]
    assert lab.on_source("SELECT count(*), bool_or(active) FROM pg_replication_slots") == [[1, False]]
