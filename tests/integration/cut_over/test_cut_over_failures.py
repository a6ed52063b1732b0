"""A failure before, in or after each step until the new writer opens: the old writer is the writer again.

Two clients write all the while, so that an acknowledged write that vanished would be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration.errors import CutOverUndone
from tests.integration.cut_over.faults import Boom, Fault
from tests.integration.cut_over.moves import WAYS, Way
from tests.integration.cut_over.stage import Stage, Writers

WHEN = ("before", "in", "after")
OPENING = [("openGate", "in"), ("openGate", "after")]
PREPARING = [(way, Fault(step.name, when)) for way in WAYS for step in way.prepare for when in WHEN]
BEFORE_OPEN = [
    (way, Fault(step.name, when))
    for way in WAYS
    for step in way.stall
    for when in WHEN
    if (step.name, when) not in OPENING
]


def name_of(value: Way | Fault) -> str:
    return value.name if isinstance(value, Way) else f"{value.when}-{value.step}"


@pytest.fixture(scope="module")
def writers(built_stage: Stage) -> Iterator[Writers]:
    """They go on through all failures; at the end both sides must hold every acknowledged write."""
    with Writers(built_stage, 2, pause_seconds=0.02) as clients:
        yield clients
        built_stage.reset()
    assert clients.acknowledged
    assert clients.lost(built_stage.source) == []
    built_stage.await_equal()
    assert clients.lost(built_stage.target) == []


@pytest.mark.parametrize(("way", "fault"), PREPARING, ids=name_of)
def test_before_the_fence_nothing_has_changed(stage: Stage, writers: Writers, way: Way, fault: Fault) -> None:
    way.begin(stage)
    with way.run(stage) as run, pytest.raises(Boom):
        way.move(run, prepare=fault.put_into(way.prepare))
    assert way.direction(stage).journal_in(stage.ledger().read(stage.plan.migration_id)) == {}
    assert way.gate(stage) == "closed"
    way.assert_not_moved(stage)


@pytest.mark.parametrize(("way", "fault"), BEFORE_OPEN, ids=name_of)
def test_in_the_stall_everything_is_undone(stage: Stage, writers: Writers, way: Way, fault: Fault) -> None:
    way.begin(stage)
    acknowledged = len(writers.acknowledged)
    with (
        way.run(stage) as run,
        pytest.raises(CutOverUndone, match=f"the {way.direction(stage).old.value} is the writer"),
    ):
        way.move(run, stall=fault.put_into(way.stall))
    assert way.gate(stage) == "sealed"
    way.assert_not_moved(stage)
    # The state machine goes on with the compensation, and somebody may redrive: both change nothing.
    way.unfence(stage)
    with way.run(stage) as again, pytest.raises(CutOverUndone, match="an earlier run was undone"):
        way.move(again)
    way.assert_not_moved(stage)
    assert len(writers.acknowledged) >= acknowledged
