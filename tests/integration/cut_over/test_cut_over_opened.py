"""A failure once the target may be open: nothing is undone, and a second run finishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration.cut_over_steps import FINISH, STALL
from migration.errors import FlipIncomplete
from tests.integration.cut_over.faults import Fault
from tests.integration.cut_over.moves import cut_over
from tests.integration.cut_over.stage import Stage

OPENED = [Fault("openGate", "in"), Fault("openGate", "after")]
FINISHING = [Fault(step.name, when) for step in FINISH for when in ("before", "in", "after")]


def name_of(fault: Fault) -> str:
    return f"{fault.when}-{fault.step}"


def assert_target_is_the_writer(stage: Stage) -> None:
    assert stage.accepts_writes(stage.target)
    assert not stage.accepts_writes(stage.source)
    assert stage.published() == stage.target.address
    assert stage.records().writer_side().value == "target"


@pytest.fixture
def quiet_stage(built_stage: Stage) -> Iterator[Stage]:
    """Without writers, because what they write to an open target cannot be taken back by a reset."""
    built_stage.reset()
    with built_stage.application(built_stage.source.address) as application:
        application.run(f"insert into writes (client, number) values (-2, {next(built_stage.numbers)})")
    yield built_stage
    built_stage.await_equal()
    built_stage.reset()


@pytest.mark.parametrize("fault", OPENED, ids=name_of)
def test_an_open_target_is_never_undone(quiet_stage: Stage, fault: Fault) -> None:
    with quiet_stage.run() as run:
        result = cut_over(run, stall=fault.put_into(STALL))
    assert result["writer"]["host"] == quiet_stage.target.address
    assert_target_is_the_writer(quiet_stage)


@pytest.mark.parametrize("fault", FINISHING, ids=name_of)
def test_after_the_opening_a_second_run_finishes(quiet_stage: Stage, fault: Fault) -> None:
    with quiet_stage.run() as run, pytest.raises(FlipIncomplete):
        cut_over(run, finish=fault.put_into(FINISH))
    with quiet_stage.run() as again:
        result = cut_over(again)
    assert result["writer"]["host"] == quiet_stage.target.address
    assert_target_is_the_writer(quiet_stage)
