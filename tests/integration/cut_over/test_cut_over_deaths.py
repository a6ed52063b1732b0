"""The process dies in or after each step. A second run, or the compensation, finds out from the gate what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration.errors import CutOverUndone
from tests.integration.cut_over.faults import Fault, Killed
from tests.integration.cut_over.moves import BACK, CUT, WAYS, Way
from tests.integration.cut_over.stage import Stage

Case = tuple[Way, Fault]
DEATHS = [
    (way, Fault(step.name, when, Killed))
    for way in WAYS
    for step in (*way.stall, *way.finish)
    for when in ("in", "after")
]


def is_open(case: Case) -> bool:
    way, fault = case
    return fault.step in {"openGate", *(step.name for step in way.finish)}


def name_of(case: Case) -> str:
    way, fault = case
    return f"{way.name}-{fault.when}-{fault.step}"


@pytest.fixture
def dead(built_stage: Stage, request: pytest.FixtureRequest) -> Iterator[tuple[Stage, Way]]:
    """A stage whose move died; the operating system has closed its sessions."""
    way, fault = request.param
    built_stage.reset()
    way.begin(built_stage)
    with built_stage.application(way.old(built_stage).address) as application:
        application.run(f"insert into writes (client, number) values (-3, {next(built_stage.numbers)})")
    with pytest.raises(Killed), way.run(built_stage) as run:
        way.move(run, stall=fault.put_into(way.stall), finish=fault.put_into(way.finish))
    yield built_stage, way
    built_stage.await_equal()
    built_stage.reset()


def both(stage: Stage, way: Way) -> tuple[bool, bool]:
    """Whether the application can write on (the old writer, the new one)."""
    return stage.accepts_writes(way.old(stage)), stage.accepts_writes(way.new(stage))


@pytest.mark.parametrize("dead", DEATHS, indirect=True, ids=name_of)
def test_a_second_run_goes_on(dead: tuple[Stage, Way]) -> None:
    stage, way = dead
    assert both(stage, way) != (True, True)
    with way.run(stage) as run:
        result = way.move(run)
    assert result["writer"]["host"] == way.new(stage).address
    assert bool(result["targetPosition"]) is (way is CUT)
    way.assert_moved(stage)


@pytest.mark.parametrize("dead", [case for case in DEATHS if not is_open(case)], indirect=True, ids=name_of)
def test_the_compensation_gives_the_old_writer_back(dead: tuple[Stage, Way]) -> None:
    stage, way = dead
    way.unfence(stage)
    way.unfence(stage)
    assert both(stage, way) == (True, False)
    with way.run(stage) as run, pytest.raises(CutOverUndone):
        way.move(run)
    assert both(stage, way) == (True, False)


@pytest.mark.parametrize("dead", [case for case in DEATHS if is_open(case)], indirect=True, ids=name_of)
def test_the_compensation_refuses_after_the_opening(dead: tuple[Stage, Way]) -> None:
    stage, way = dead
    with pytest.raises(way.already_open, match="must stay fenced"):
        way.unfence(stage)
    assert both(stage, way) == (False, True)


TOO_LATE = [(way, Fault("endSessions", "after", Killed)) for way in (CUT, BACK)]


@pytest.mark.parametrize("dead", TOO_LATE, indirect=True, ids=name_of)
def test_a_second_run_that_comes_too_late_undoes(dead: tuple[Stage, Way]) -> None:
    stage, way = dead
    direction = way.direction(stage)
    journal = direction.journal_in(stage.ledger().read(stage.plan.migration_id))
    stage.ledger().update(stage.plan.migration_id, {direction.journal: {**journal, "at": journal["at"] - 60}})
    with way.run(stage) as run, pytest.raises(CutOverUndone, match="exceeded its budget of 5000 ms"):
        way.move(run)
    assert both(stage, way) == (True, False)
