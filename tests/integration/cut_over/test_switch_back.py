"""What only the way back has: attempts, and a lag that says no."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from migration import direction
from migration.errors import CutOverUndone, SourceAlreadyOpen, SourceBusy, StateDrifted
from migration.unfence import unfence
from tests.integration.cut_over.faults import Boom, Fault
from tests.integration.cut_over.moves import BACK
from tests.integration.cut_over.stage import Stage
from tests.integration.cut_over.test_cut_over_refusals import before


@pytest.fixture
def moved(stage: Stage) -> Stage:
    """A stage in its bake: the target is the writer."""
    BACK.begin(stage)
    return stage


@contextmanager
def way_back_paused(stage: Stage) -> Iterator[None]:
    stage.source.run("set transaction_read_only = off; alter subscription back disable", "orders")
    try:
        yield
    finally:
        stage.source.run("set transaction_read_only = off; alter subscription back enable", "orders")


def test_nobody_asked(moved: Stage) -> None:
    with pytest.raises(StateDrifted, match="no wish to roll orders-0a1b2c3d back"):
        direction.switch_back(moved.plan, moved.ledger())


def test_a_way_back_that_is_behind(moved: Stage) -> None:
    with way_back_paused(moved), BACK.run(moved) as run, pytest.raises(SourceBusy, match=r"more than 2\.5 s behind"):
        BACK.move(run)
    BACK.assert_not_moved(moved)


def test_a_long_transaction_on_the_target(moved: Stage) -> None:
    with moved.application(moved.target.address) as session:
        session.run("begin; insert into writes (client, number) values (-5, 1)")
        session.run("select pg_sleep(2.1)")
        with BACK.run(moved) as run, pytest.raises(SourceBusy, match="the target of orders cannot be fenced now"):
            BACK.move(run)
        session.run("rollback")
    BACK.assert_not_moved(moved)


def test_a_table_that_was_made_on_the_target_only(moved: Stage) -> None:
    moved.target.run("create table late (id int primary key)", "orders")
    try:
        with (
            BACK.run(moved) as run,
            pytest.raises(StateDrifted, match=r"\(public\.late\.id integer\): .* carries no DDL"),
        ):
            BACK.move(run)
        BACK.assert_not_moved(moved)
    finally:
        moved.target.run("drop table late", "orders")


def test_a_second_attempt_after_the_first_was_undone(moved: Stage) -> None:
    undo(moved)
    second = moved.way_back(2)
    with moved.run(second) as run:
        result = BACK.move(run)
    assert result["writer"]["host"] == moved.source.address
    BACK.assert_moved(moved)
    with pytest.raises(SourceAlreadyOpen):
        unfence(second, moved.plan, moved.sides(), moved.ledger())


@pytest.mark.parametrize("at", ["prepareFence", "raiseFence", "endSessions", "openGate"])
def test_what_is_left_of_the_first_attempt_cannot_open_the_second(moved: Stage, at: str) -> None:
    first, go_on, outcome = moved.way_back(1), threading.Event(), list[object]()
    reached = threading.Event()

    def stand() -> None:
        reached.set()
        go_on.wait(20)

    def late_run() -> None:
        try:
            with moved.run(first) as run:
                outcome.append(BACK.move(run, stall=before(at, stand, BACK.stall)))
        except Exception as error:  # noqa: BLE001
            outcome.append(error)

    thread = threading.Thread(target=late_run, daemon=True)
    thread.start()
    assert reached.wait(20)
    unfence(first, moved.plan, moved.sides(), moved.ledger())
    with moved.run(moved.way_back(2)) as run:
        second = BACK.move(run, stall=before("openGate", lambda: None, BACK.stall))
    go_on.set()
    thread.join(20)
    # The source is open: the late run finds that out, and goes on to say what the second attempt said.
    assert [isinstance(found, dict) and found["writer"] == second["writer"] for found in outcome] == [True]
    BACK.assert_moved(moved)


@pytest.mark.parametrize("at", ["raiseFence", "openGate"])
def test_an_undo_of_the_first_attempt_stops_the_second(moved: Stage, at: str) -> None:
    """A late undo seals whatever is closed, so the second attempt cannot open behind a fence that was lifted."""
    first = moved.way_back(1)
    undo(moved)
    second = moved.way_back(2)

    def late_undo() -> None:
        unfence(first, moved.plan, moved.sides(), moved.ledger())

    with moved.run(second) as run, pytest.raises(CutOverUndone):
        BACK.move(run, stall=before(at, late_undo, BACK.stall))
    BACK.assert_not_moved(moved)


def undo(stage: Stage) -> None:
    """An attempt that fails, and its compensation."""
    fault = Fault("awaitMarker", "after", Boom)
    with BACK.run(stage) as run, pytest.raises(CutOverUndone):
        BACK.move(run, stall=fault.put_into(BACK.stall))
    BACK.unfence(stage)
    BACK.assert_not_moved(stage)
