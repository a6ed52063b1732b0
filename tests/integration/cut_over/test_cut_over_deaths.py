"""The process dies in or after each step. A second run, or the compensation, finds out from the gate what to do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration.cut_over_steps import FINISH, STALL
from migration.errors import CutOverUndone, TargetAlreadyOpen
from tests.integration.cut_over.faults import Fault, Killed
from tests.integration.cut_over.moves import cut_over, unfence_source
from tests.integration.cut_over.stage import Stage

DEATHS = [Fault(step.name, when, Killed) for step in (*STALL, *FINISH) for when in ("in", "after")]
OPENED = {"openGate", *(step.name for step in FINISH)}


def is_open(fault: Fault) -> bool:
    return fault.step in OPENED


def name_of(fault: Fault) -> str:
    return f"{fault.when}-{fault.step}"


@pytest.fixture
def dead(built_stage: Stage, request: pytest.FixtureRequest) -> Iterator[Stage]:
    """A stage whose cut-over died; the operating system has closed its sessions."""
    fault: Fault = request.param
    built_stage.reset()
    with built_stage.application(built_stage.source.address) as application:
        application.run(f"insert into writes (client, number) values (-3, {next(built_stage.numbers)})")
    with pytest.raises(Killed), built_stage.run() as run:
        cut_over(run, stall=fault.put_into(STALL), finish=fault.put_into(FINISH))
    yield built_stage
    built_stage.await_equal()
    built_stage.reset()


def both(stage: Stage) -> tuple[bool, bool]:
    """Whether the application can write on (source, target)."""
    return stage.accepts_writes(stage.source), stage.accepts_writes(stage.target)


@pytest.mark.parametrize("dead", DEATHS, indirect=True, ids=name_of)
def test_a_second_run_goes_on(dead: Stage) -> None:
    assert both(dead) != (True, True)
    with dead.run() as run:
        result = cut_over(run)
    assert result["writer"]["host"] == dead.target.address
    assert both(dead) == (False, True)
    assert dead.published() == dead.target.address


@pytest.mark.parametrize("dead", [fault for fault in DEATHS if not is_open(fault)], indirect=True, ids=name_of)
def test_the_compensation_gives_the_source_back(dead: Stage) -> None:
    unfence_source(dead)
    unfence_source(dead)
    assert both(dead) == (True, False)
    with dead.run() as run, pytest.raises(CutOverUndone):
        cut_over(run)


@pytest.mark.parametrize("dead", [fault for fault in DEATHS if is_open(fault)], indirect=True, ids=name_of)
def test_the_compensation_refuses_after_the_opening(dead: Stage) -> None:
    with pytest.raises(TargetAlreadyOpen, match="must stay fenced"):
        unfence_source(dead)
    assert both(dead) == (False, True)


@pytest.mark.parametrize("dead", [Fault("endSessions", "after", Killed)], indirect=True, ids=name_of)
def test_a_second_run_that_comes_too_late_undoes(dead: Stage) -> None:
    fence = dead.ledger().read(dead.plan.migration_id)["fence"]
    dead.ledger().update(dead.plan.migration_id, {"fence": {**fence, "at": fence["at"] - 60}})
    with dead.run() as run, pytest.raises(CutOverUndone, match="exceeded its budget of 5000 ms"):
        cut_over(run)
    assert both(dead) == (True, False)
