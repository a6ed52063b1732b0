"""A failure before, in or after each step: before the target opens the source is the writer again; after, forward only.

Two clients write all the while, so that an acknowledged write that vanished would be noticed.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from migration import cut_over
from migration.cut_over_steps import FINISH, PREPARE, STALL
from migration.errors import CutOverUndone, FlipIncomplete
from migration.unfence import unfence_source
from tests.integration.cut_over.faults import Boom, Fault, Killed
from tests.integration.cut_over.stage import Stage, Writers

WHEN = ("before", "in", "after")
BEFORE_OPEN = [
    Fault(step.name, when) for step in STALL for when in WHEN if (step.name, when) not in
    (("openGate", "in"), ("openGate", "after"))
]  # fmt: skip
OPENED = [Fault("openGate", "in"), Fault("openGate", "after")]
PREPARING = [Fault(step.name, when) for step in PREPARE for when in WHEN]
FINISHING = [Fault(step.name, when) for step in FINISH for when in WHEN]


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
        cut_over.cut_over(run, prepare=fault.put_into(PREPARE))
    assert "fence" not in stage.ledger().read(stage.plan.migration_id)
    assert stage.gate() == "closed"
    assert_source_is_the_writer(stage)


@pytest.mark.parametrize("fault", BEFORE_OPEN, ids=name_of)
def test_in_the_stall_everything_is_undone(stage: Stage, writers: Writers, fault: Fault) -> None:
    acknowledged = len(writers.acknowledged)
    with stage.run() as run, pytest.raises(CutOverUndone, match="the source is the writer"):
        cut_over.cut_over(run, stall=fault.put_into(STALL))
    assert stage.gate() == "sealed"
    assert_source_is_the_writer(stage)
    # The state machine goes on with UnfenceSource, and somebody may redrive: both change nothing.
    unfence_source(stage.plan, stage.sides(), stage.ledger())
    with stage.run() as again, pytest.raises(CutOverUndone, match="an earlier run was undone"):
        cut_over.cut_over(again)
    assert_source_is_the_writer(stage)
    assert len(writers.acknowledged) >= acknowledged


def assert_source_is_the_writer(stage: Stage) -> None:
    assert stage.accepts_writes(stage.source)
    assert not stage.accepts_writes(stage.target)
    assert stage.published() == stage.source.address


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
        result = cut_over.cut_over(run, stall=fault.put_into(STALL))
    assert result["writer"]["host"] == quiet_stage.target.address
    assert_target_is_the_writer(quiet_stage)


@pytest.mark.parametrize("fault", FINISHING, ids=name_of)
def test_after_the_opening_a_second_run_finishes(quiet_stage: Stage, fault: Fault) -> None:
    with quiet_stage.run() as run, pytest.raises(FlipIncomplete):
        cut_over.cut_over(run, finish=fault.put_into(FINISH))
    with quiet_stage.run() as again:
        result = cut_over.cut_over(again)
    assert result["writer"]["host"] == quiet_stage.target.address
    assert_target_is_the_writer(quiet_stage)


def test_a_death_is_not_caught() -> None:
    assert not issubclass(Killed, Exception)
