"""Change capture from a position of a given slot, beside a task the other way: what the way back needs of DMS."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from pg8000.exceptions import Error

from rehearsal.account import faults
from rehearsal.account.wire import ApiError
from rehearsal.servers.postgres import Server
from tests.integration.dms_support import REPLICA, ROLE, Lab, await_true, new_lab, running_servers

SCHEMA = """
CREATE TABLE app.account (id int PRIMARY KEY, cents int NOT NULL);
CREATE TABLE app.entry (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, account_id int NOT NULL, cents int);
CREATE TABLE app.canary (id text PRIMARY KEY, at timestamptz DEFAULT now());
"""
STOP_ON_CONFLICT = json.dumps(
    {"ErrorBehavior": {f"ApplyError{verb}Policy": "STOP_TASK" for verb in ("Insert", "Update", "Delete")}}
)
SLOT = "way_back"


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with running_servers() as pair:
        yield pair


@pytest.fixture
def lab(servers: tuple[Server, Server]) -> Iterator[Lab]:
    with new_lab(servers) as made:
        made.on_both(SCHEMA)
        for server in servers:
            server.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE NOT active")
        yield made
        faults.clear()
        made.stop_tasks()
        for server in servers:
            _empty(server)


def _empty(server: Server) -> None:
    """The databases change roles here: both may have subscriptions, publications and slots."""
    server.run("ALTER DATABASE shop RESET ALL")
    for (name,) in server.run("SELECT subname FROM pg_subscription", "shop"):
        for change in ("DISABLE", "SET (slot_name = NONE)"):
            server.run(f"ALTER SUBSCRIPTION {name} {change}", "shop")
        server.run(f"DROP SUBSCRIPTION {name}", "shop")
    await_true(lambda: not server.run("SELECT FROM pg_replication_slots WHERE active"))
    server.run("SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots")


def _mapping(*tables: str) -> str:
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
            TableMappings=_mapping(*(tables or ("account", "canary"))),
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
        await_true(lambda: _refusal(lambda: self.lab.call("DescribeReplicationTasks", Filters=gone)) is not None)


def _refusal(call: Any) -> str | None:
    try:
        call()
    except ApiError as error:
        return str(error)
    return None


def _failure(lab: Lab, arn: str) -> str:
    await_true(lambda: lab.described(arn)["Status"] == "failed")
    return str(lab.described(arn)["LastFailureMessage"])


def _await_on_source(lab: Lab, account: int) -> None:
    await_true(lambda: bool(lab.on_source(f"SELECT FROM app.account WHERE id = {account}")))


def test_it_starts_exactly_at_the_position_and_goes_on_after_a_stop(lab: Lab) -> None:
    back = Reverse(lab)
    arn = back.task()
    back.make_slot()
    lab.on_target("INSERT INTO app.account VALUES (1, 10)")
    ((position,),) = lab.on_target("SELECT pg_current_wal_lsn()::text")
    lab.on_target("INSERT INTO app.account VALUES (2, 20)")
    back.run(arn, position)
    _await_on_source(lab, 2)
    back.stop(arn)
    lab.on_target("UPDATE app.account SET cents = 21 WHERE id = 2")
    lab.on_target("INSERT INTO app.account VALUES (3, 30)")
    lab.start(arn, "resume-processing")
    _await_on_source(lab, 3)
    assert lab.on_source("SELECT id, cents FROM app.account ORDER BY 1") == [[2, 21], [3, 30]]
    assert lab.described(arn)["CdcStartPosition"] == position


def test_a_canary_task_is_deleted_and_the_reverse_task_takes_its_endpoints(lab: Lab) -> None:
    back = Reverse(lab)
    canary = back.task("canary", "canary")
    back.run(canary, back.make_slot())
    lab.on_target("INSERT INTO app.canary VALUES ('round trip')")
    await_true(lambda: bool(lab.on_source("SELECT FROM app.canary")))
    back.stop(canary)
    back.delete(canary)
    assert lab.on_target("SELECT slot_name, active FROM pg_replication_slots") == [[SLOT, False]]
    lab.on_target(f"SELECT pg_drop_replication_slot('{SLOT}')")
    arn = back.task()
    back.run(arn, back.make_slot())
    lab.on_target("INSERT INTO app.account VALUES (1, 10)")
    _await_on_source(lab, 1)
    resource = arn.rsplit(":", 1)[-1]
    await_true(
        lambda: any(
            name == "CDCLatencyTarget" and dimensions["ReplicationTaskIdentifier"] == resource
            for name, dimensions, _ in lab.platform.metrics
        )
    )


def test_what_aws_refuses(lab: Lab) -> None:
    back = Reverse(lab)
    arn = back.task()
    assert "log sequence number" in str(_refusal(lambda: back.start(arn, "tomorrow")))
    resume = _refusal(lambda: lab.start(arn, "resume-processing"))
    assert "not valid for tasks running for the first time" in str(resume)
    back.start(arn, "0/1")
    assert f'replication slot "{SLOT}" does not exist' in _failure(lab, arn)
    second = back.task("second")
    position = back.make_slot()
    back.run(second, position)
    third = back.task("third")
    back.start(third, position)
    assert f'replication slot "{SLOT}" is active for PID' in _failure(lab, third)
    assert "cannot be started in its present state" in str(_refusal(lambda: back.start(second, position)))


def test_values_for_an_identity_generated_always_are_refused_until_it_is_relaxed(lab: Lab) -> None:
    back = Reverse(lab)
    arn = back.task("back", "account", "entry")
    back.start(arn, back.make_slot())
    assert 'cannot insert a non-DEFAULT value into column "id"' in _failure(lab, arn)
    lab.on_target("INSERT INTO app.entry (account_id, cents) VALUES (1, 5)")
    lab.on_source("ALTER TABLE app.entry ALTER id SET GENERATED BY DEFAULT")
    lab.start(arn, "resume-processing")
    await_true(lambda: lab.on_source("SELECT account_id, cents FROM app.entry") == [[1, 5]])


def test_a_user_without_the_right_to_write_is_refused(lab: Lab) -> None:
    lab.source.run("CREATE ROLE mover LOGIN PASSWORD 'mover'; GRANT pg_read_all_data TO mover")
    lab.source.run("GRANT SET ON PARAMETER session_replication_role TO mover")
    lab.source.run("GRANT CREATE ON SCHEMA public TO mover", lab.database)
    lab.platform.secrets["source-secret"].update(username="mover", password="mover")
    try:
        back = Reverse(lab)
        arn = back.task()
        back.start(arn, back.make_slot())
        assert "permission denied for table app.account" in _failure(lab, arn)
    finally:
        lab.source.run("DROP OWNED BY mover", lab.database)
        lab.source.run("DROP OWNED BY mover; DROP ROLE mover")


def _forward(lab: Lab) -> str:
    arn = lab.task(TableMappings=_mapping("account"), ReplicationTaskSettings=STOP_ON_CONFLICT)
    lab.start(arn)
    lab.await_status(arn, "running")
    lab.await_loaded(arn)
    return arn


def test_in_the_right_order_nothing_comes_back(lab: Lab) -> None:
    forward = _forward(lab)
    back = Reverse(lab, lab.described(forward)["ReplicationInstanceArn"])
    arn = back.task()
    lab.on_source("INSERT INTO app.account SELECT g, 0 FROM generate_series(1, 50) g")
    await_true(lambda: lab.on_target("SELECT count(*) FROM app.account") == [[50]])
    position = back.make_slot()
    lab.on_target("INSERT INTO app.account VALUES (51, 0)")
    back.stop(forward)
    back.run(arn, position)
    _await_on_source(lab, 51)
    lab.on_target("UPDATE app.account SET cents = cents + 1")
    await_true(lambda: lab.on_source("SELECT sum(cents) FROM app.account") == [[51]])
    lab.platform.sleep(600)
    assert lab.described(arn)["Status"] == "running"
    assert lab.on_target("SELECT sum(cents), count(*) FROM app.account") == [[51, 51]]


def test_in_the_wrong_order_rows_come_back_and_collide(lab: Lab) -> None:
    forward = _forward(lab)
    back = Reverse(lab, lab.described(forward)["ReplicationInstanceArn"])
    arn = back.task()
    back.run(arn, back.make_slot())
    lab.on_source("INSERT INTO app.account VALUES (1, 0)")
    assert "STOP_TASK" in _failure(lab, arn)


def test_in_the_wrong_order_an_update_never_comes_to_rest(lab: Lab) -> None:
    lab.on_source("INSERT INTO app.account VALUES (1, 0)")
    forward = _forward(lab)
    back = Reverse(lab, lab.described(forward)["ReplicationInstanceArn"])
    arn = back.task()
    back.run(arn, back.make_slot())
    lab.on_source("UPDATE app.account SET cents = 1 WHERE id = 1")
    await_true(lambda: lab.tables(arn)["account"]["Updates"] > 20)


def test_a_fenced_database_takes_changes_from_a_role_that_is_exempt(lab: Lab) -> None:
    lab.on_source(f"ALTER DATABASE {lab.database} SET default_transaction_read_only = on")
    back = Reverse(lab)
    arn = back.task()
    position = back.make_slot()
    back.start(arn, position)
    assert "read-only" in _failure(lab, arn)
    lab.source.run("ALTER ROLE master SET default_transaction_read_only = off")
    try:
        lab.start(arn, "resume-processing")
        lab.on_target("INSERT INTO app.account VALUES (1, 10)")
        _await_on_source(lab, 1)
        _crash(lab.source)
        lab.on_target("INSERT INTO app.account VALUES (2, 20)")
        lab.source.start()
        lab.close()
        _await_on_source(lab, 2)
        lab.source.run("ALTER ROLE master RESET default_transaction_read_only")
        _crash(lab.source)
        lab.source.start()
        assert "read-only" in _failure(lab, arn)
    finally:
        lab.source.run("ALTER ROLE master RESET default_transaction_read_only")


def _crash(server: Server) -> None:
    server.kill()
    await_true(lambda: not server.running)


@pytest.mark.parametrize("crashed", ["source", "target"])
def test_no_change_is_lost_when_a_side_crashes(lab: Lab, crashed: str) -> None:
    """`crashed` is the task's source or target; the tasks of both directions are the same engine."""
    back = Reverse(lab)
    arn = back.task()
    back.run(arn, back.make_slot())
    server = {"source": lab.target, "target": lab.source}[crashed]
    with _writes(lab) as acknowledged:
        await_true(lambda: len(acknowledged) > 50)
        _crash(server)
        lab.platform.sleep(900)
        server.start()
        enough = len(acknowledged) + 50
        await_true(lambda: len(acknowledged) > enough)
    lab.close()
    _await_on_source(lab, acknowledged[-1])
    present = {row[0] for row in lab.on_source("SELECT id FROM app.account")}
    assert present >= set(acknowledged)
    assert lab.on_source("SELECT count(*) FROM app.account") == lab.on_target("SELECT count(*) FROM app.account")
    assert lab.described(arn)["Status"] == "running"


@contextlib.contextmanager
def _writes(lab: Lab) -> Iterator[list[int]]:
    """Inserts into the task's source by another thread; the list holds those that were acknowledged."""
    acknowledged: list[int] = []
    ended = threading.Event()

    def write() -> None:
        number = 0
        while not ended.wait(0.002):
            number += 1
            with contextlib.suppress(Error), lab.target.session(lab.database) as session:
                session.run(f"INSERT INTO app.account VALUES ({number}, 0)")
                acknowledged.append(number)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield acknowledged
    finally:
        ended.set()
        writer.join()


def test_a_rehearsal_can_hold_the_changes_and_let_them_go(lab: Lab) -> None:
    back = Reverse(lab)
    arn = back.task()
    (rule,) = faults.add([{"kind": "event", "name": "apply-paused", "match": "back"}])
    back.run(arn, back.make_slot())
    lab.on_target("INSERT INTO app.account VALUES (1, 10)")
    await_true(lambda: any(name == "CDCLatencyTarget" and value > 0 for name, _, value in lab.platform.metrics))
    assert lab.on_source("SELECT count(*) FROM app.account") == [[0]]
    faults.clear(rule)
    _await_on_source(lab, 1)
    faults.add([{"kind": "event", "name": "apply-paused", "match": "back"}])
    await_true(lambda: lab.source.run("SELECT subenabled FROM pg_subscription", "shop") == [[False]])
    back.stop(arn)


def test_a_rehearsal_can_stop_a_task_and_refuse_its_start(lab: Lab) -> None:
    back = Reverse(lab)
    arn = back.task()
    position = back.make_slot()
    faults.add([{"kind": "event", "name": "task-start-fails", "match": "back"}])
    back.start(arn, position)
    assert "Stop Reason FATAL_ERROR" in _failure(lab, arn)
    lab.start(arn, "resume-processing")
    lab.await_status(arn, "running")
    faults.add([{"kind": "event", "name": "task-stops", "match": "back"}])
    assert "Error Level RECOVERABLE" in _failure(lab, arn)
    assert lab.described(arn)["StopReason"] == "Stop Reason RECOVERABLE_ERROR"
    lab.on_target("INSERT INTO app.account VALUES (1, 10)")
    lab.start(arn, "resume-processing")
    _await_on_source(lab, 1)


def test_a_rehearsal_can_let_a_connection_test_and_one_table_fail(lab: Lab) -> None:
    faults.add([{"kind": "event", "name": "table-load-fails", "match": "move/app.account"}])
    arn = lab.task()
    lab.start(arn)
    lab.await_status(arn, "running")
    lab.await_loaded(arn)
    states = {name: row["TableState"] for name, row in lab.tables(arn).items()}
    assert (states["account"], states["canary"]) == ("Table error", "Table completed")
    faults.add([{"kind": "event", "name": "connection-test-fails", "match": "target-end"}])
    task = lab.described(arn)
    tested = lab.test_connection(task["ReplicationInstanceArn"], task["TargetEndpointArn"])
    assert tested["Status"] == "failed"
    assert "Test Endpoint failed" in tested["LastFailureMessage"]
