"""Both ways of moving the writer, so that a test can hold the same of either."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from migration import cut_over_steps
from migration.cut_over import move_writer
from migration.cut_over_run import CutOverRun, Step
from migration.direction import CUT_OVER, Direction
from migration.errors import CompensationFailed, SourceAlreadyOpen, TargetAlreadyOpen
from migration.unfence import unfence
from migration.weights import Side
from rehearsal.servers.postgres import Server
from tests.integration.cut_over.stage import Stage


@dataclass(frozen=True)
class Way:
    """CutOver with UnfenceSource, or SwitchBack with UnfenceTarget, as their handlers run them."""

    name: str
    direction: Callable[[Stage], Direction]
    prepare: tuple[Step, ...]
    stall: tuple[Step, ...]
    finish: tuple[Step, ...]
    already_open: type[CompensationFailed]

    def begin(self, stage: Stage) -> None:
        """The stage, just reset, is where this way begins; readers are on the target."""
        stage.records().set_reader_weights(100)
        if self is BACK:
            with CUT.run(stage) as run:
                CUT.move(run)

    def run(self, stage: Stage) -> CutOverRun:
        """One invocation."""
        return stage.run(self.direction(stage))

    def move(
        self,
        run: CutOverRun,
        prepare: Sequence[Step] | None = None,
        stall: Sequence[Step] | None = None,
        finish: Sequence[Step] | None = None,
    ) -> dict[str, Any]:
        """The handler, with other steps than its own."""
        return move_writer(run, prepare or self.prepare, stall or self.stall, finish or self.finish)

    def unfence(self, stage: Stage) -> None:
        """The compensation."""
        unfence(self.direction(stage), stage.plan, stage.sides(), stage.ledger())

    def old(self, stage: Stage) -> Server:
        """The writer before."""
        return stage.source if self is CUT else stage.target

    def new(self, stage: Stage) -> Server:
        """The writer afterwards."""
        return stage.target if self is CUT else stage.source

    def gate(self, stage: Stage) -> str:
        """What the gate says to this attempt."""
        direction = self.direction(stage)
        with stage.sides().admin(direction.new) as session:
            return direction.gate.read(session).value

    def assert_not_moved(self, stage: Stage) -> None:
        """The old writer is the writer, and published as such."""
        assert stage.accepts_writes(self.old(stage))
        assert not stage.accepts_writes(self.new(stage))
        assert stage.published() == self.old(stage).address

    def assert_moved(self, stage: Stage) -> None:
        """The new writer is the writer, and published as such everywhere."""
        assert stage.accepts_writes(self.new(stage))
        assert not stage.accepts_writes(self.old(stage))
        assert stage.published() == self.new(stage).address
        assert stage.records().writer_side() is (Side.TARGET if self is CUT else Side.SOURCE)
        assert stage.records().reader_percent() == (100 if self is CUT else 0)


CUT = Way(
    "cut-over",
    lambda stage: CUT_OVER,
    cut_over_steps.PREPARE,
    cut_over_steps.STALL,
    cut_over_steps.FINISH,
    TargetAlreadyOpen,
)
BACK = Way(
    "switch-back",
    Stage.way_back,
    cut_over_steps.PREPARE_BACK,
    cut_over_steps.STALL_BACK,
    cut_over_steps.FINISH_BACK,
    SourceAlreadyOpen,
)
WAYS = (CUT, BACK)
