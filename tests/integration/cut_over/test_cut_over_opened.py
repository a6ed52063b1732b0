"""A failure once the new writer may be open: nothing is undone, and a second run finishes."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration.cut_over import finish_move
from migration.errors import FlipIncomplete, StateDrifted
from tests.integration.cut_over.faults import Fault
from tests.integration.cut_over.moves import WAYS, Way
from tests.integration.cut_over.stage import Stage

OPENED = [(way, Fault("openGate", when)) for way in WAYS for when in ("in", "after")]
FINISHING = [(way, Fault(step.name, when)) for way in WAYS for step in way.finish for when in ("before", "in", "after")]


def name_of(value: Way | Fault) -> str:
    return value.name if isinstance(value, Way) else f"{value.when}-{value.step}"


@pytest.fixture
def quiet_stage(built_stage: Stage, way: Way) -> Iterator[Stage]:
    """Without writers: the row it has must get across."""
    built_stage.reset()
    way.begin(built_stage)
    with built_stage.application(way.old(built_stage).address) as application:
        application.run(f"insert into writes (client, number) values (-2, {next(built_stage.numbers)})")
    yield built_stage
    built_stage.await_equal()
    built_stage.reset()


@pytest.mark.parametrize(("way", "fault"), OPENED, ids=name_of)
def test_an_open_writer_is_never_undone(quiet_stage: Stage, way: Way, fault: Fault) -> None:
    with way.run(quiet_stage) as run:
        result = way.move(run, stall=fault.put_into(way.stall))
    assert result["writer"]["host"] == way.new(quiet_stage).address
    way.assert_moved(quiet_stage)


@pytest.mark.parametrize(("way", "fault"), FINISHING, ids=name_of)
def test_after_the_opening_the_next_state_finishes(quiet_stage: Stage, way: Way, fault: Fault) -> None:
    with way.run(quiet_stage) as run, pytest.raises(FlipIncomplete):
        way.move(run, finish=fault.put_into(way.finish))
    with way.run(quiet_stage) as again:
        result = finish_move(again, way.finish)
    assert result["writer"]["host"] == way.new(quiet_stage).address
    way.assert_moved(quiet_stage)
    with way.run(quiet_stage) as once_more:
        assert finish_move(once_more, way.finish) == way.move(once_more) == result


@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_what_is_not_open_cannot_be_finished(quiet_stage: Stage, way: Way) -> None:
    with way.run(quiet_stage) as run, pytest.raises(StateDrifted, match="its gate is closed"):
        finish_move(run, way.finish)
    way.assert_not_moved(quiet_stage)
