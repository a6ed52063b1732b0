"""Databases that are fenced or crash under a task, and what a rehearsal lets go wrong in DMS."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator

import pytest
from pg8000.exceptions import Error

from rehearsal.account import faults
from rehearsal.servers.postgres import Server
from tests.integration.dms_reverse import (
    Reverse,
    await_on_source,
    failure,
    two_way_lab,
)
from tests.integration.dms_support import Lab, await_true, running_servers


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with running_servers() as pair:
        yield pair


@pytest.fixture
def lab(servers: tuple[Server, Server]) -> Iterator[Lab]:
    with two_way_lab(servers) as made:
        yield made


def test_a_fenced_database_takes_changes_from_a_role_that_is_exempt(lab: Lab) -> None:
    lab.on_source(f"ALTER DATABASE {lab.database} SET default_transaction_read_only = on")
    back = Reverse(lab)
    arn = back.task()
    position = back.make_slot()
    back.start(arn, position)
    assert "read-only" in failure(lab, arn)
    lab.source.run("ALTER ROLE master SET default_transaction_read_only = off")
    try:
        lab.start(arn, "resume-processing")
        lab.on_target("INSERT INTO app.account VALUES (1, 10)")
        await_on_source(lab, 1)
        _crash(lab.source)
        lab.on_target("INSERT INTO app.account VALUES (2, 20)")
        lab.source.start()
        lab.close()
        await_on_source(lab, 2)
        lab.source.run("ALTER ROLE master RESET default_transaction_read_only")
        _crash(lab.source)
        lab.source.start()
        assert "read-only" in failure(lab, arn)
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
    await_on_source(lab, acknowledged[-1])
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
    await_on_source(lab, 1)
    faults.add([{"kind": "event", "name": "apply-paused", "match": "back"}])
    await_true(lambda: lab.source.run("SELECT subenabled FROM pg_subscription", "shop") == [[False]])
    back.stop(arn)


def test_a_rehearsal_can_stop_a_task_and_refuse_its_start(lab: Lab) -> None:
    back = Reverse(lab)
    arn = back.task()
    position = back.make_slot()
    faults.add([{"kind": "event", "name": "task-start-fails", "match": "back"}])
    back.start(arn, position)
    assert "Stop Reason FATAL_ERROR" in failure(lab, arn)
    lab.start(arn, "resume-processing")
    lab.await_status(arn, "running")
    faults.add([{"kind": "event", "name": "task-stops", "match": "back"}])
    assert "Error Level RECOVERABLE" in failure(lab, arn)
    assert lab.described(arn)["StopReason"] == "Stop Reason RECOVERABLE_ERROR"
    lab.on_target("INSERT INTO app.account VALUES (1, 10)")
    lab.start(arn, "resume-processing")
    await_on_source(lab, 1)


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
