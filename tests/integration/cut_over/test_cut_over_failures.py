"""A failure before, in or after each step until the target opens: the source is the writer again.

Two clients write all the while, so that an acknowledged write that vanished would be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration.cut_over_steps import PREPARE, STALL
from migration.errors import CutOverUndone
from tests.integration.cut_over.faults import Boom, Fault
from tests.integration.cut_over.moves import cut_over, unfence_source
from tests.integration.cut_over.stage import Stage, Writers

WHEN = ("before", "in", "after")
BEFORE_OPEN = [
    Fault(step.name, when) for step in STALL for when in WHEN if (step.name, when) not in
    (("openGate", "in"), ("openGate", "after"))
]  # fmt: skip
PREPARING = [Fault(step.name, when) for step in PREPARE for when in WHEN]


def name_of(fault: Fault) -> str:
    return f"{fault.when}-{fault.step}"


@pytest.fixture(scope="module")
def writers(built_stage: Stage) -> Iterator[Writers]:
    """They go on through all failures; at the end both sides must hold every acknowledged write."""
    with Writers(built_stage, 2, pause_seconds=0.02) as clients:
        yield clients
    assert clients.acknowledged
    assert clients.lost(built_stage.source) == []
    built_stage.await_equal()
    assert clients.lost(built_stage.target) == []


@pytest.mark.parametrize("fault", PREPARING, ids=name_of)
def test_before_the_fence_nothing_has_changed(stage: Stage, writers: Writers, fault: Fault) -> None:
    with stage.run() as run, pytest.raises(Boom):
        cut_over(run, prepare=fault.put_into(PREPARE))
    assert "fence" not in stage.ledger().read(stage.plan.migration_id)
    assert stage.gate() == "closed"
    assert_source_is_the_writer(stage)


@pytest.mark.parametrize("fault", BEFORE_OPEN, ids=name_of)
def test_in_the_stall_everything_is_undone(stage: Stage, writers: Writers, fault: Fault) -> None:
    acknowledged = len(writers.acknowledged)
    with stage.run() as run, pytest.raises(CutOverUndone, match="the source is the writer"):
        cut_over(run, stall=fault.put_into(STALL))
    assert stage.gate() == "sealed"
    assert_source_is_the_writer(stage)
    # The state machine goes on with UnfenceSource, and somebody may redrive: both change nothing.
    unfence_source(stage)
    with stage.run() as again, pytest.raises(CutOverUndone, match="an earlier run was undone"):
        cut_over(again)
    assert_source_is_the_writer(stage)
    assert len(writers.acknowledged) >= acknowledged


def assert_source_is_the_writer(stage: Stage) -> None:
    assert stage.accepts_writes(stage.source)
    assert not stage.accepts_writes(stage.target)
    assert stage.published() == stage.source.address
