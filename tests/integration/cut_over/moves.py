"""The tasks of both ways, as their handlers run them, with steps that may fail."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from migration import cut_over_steps
from migration.cut_over import move_writer
from migration.cut_over_run import CutOverRun, Step
from migration.direction import CUT_OVER
from migration.unfence import unfence
from tests.integration.cut_over.stage import Stage


def cut_over(
    run: CutOverRun,
    prepare: Sequence[Step] = cut_over_steps.PREPARE,
    stall: Sequence[Step] = cut_over_steps.STALL,
    finish: Sequence[Step] = cut_over_steps.FINISH,
) -> dict[str, Any]:
    """CutOver."""
    return move_writer(run, prepare, stall, finish)


def switch_back(
    run: CutOverRun,
    prepare: Sequence[Step] = cut_over_steps.PREPARE_BACK,
    stall: Sequence[Step] = cut_over_steps.STALL_BACK,
    finish: Sequence[Step] = cut_over_steps.FINISH_BACK,
) -> dict[str, Any]:
    """SwitchBack."""
    return move_writer(run, prepare, stall, finish)


def unfence_source(stage: Stage) -> None:
    """UnfenceSource."""
    unfence(CUT_OVER, stage.plan, stage.sides(), stage.ledger())


def unfence_target(stage: Stage, attempt: int = 1) -> None:
    """UnfenceTarget, without the message."""
    unfence(stage.way_back(attempt), stage.plan, stage.sides(), stage.ledger())
