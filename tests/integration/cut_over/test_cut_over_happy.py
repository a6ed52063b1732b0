"""A cut-over under concurrent writers loses nothing, and says how long they waited."""

from __future__ import annotations

import sys
import time

import pytest

from migration.errors import StateDrifted
from migration.gate import TargetGate
from migration.sequences import Sequence
from migration.weights import Side
from tests.integration.cut_over.moves import cut_over
from tests.integration.cut_over.stage import DATABASE, Stage, Writers

NEXT_ID_IS_FREE = "select nextval('writes_id_seq') > max(id) from writes"


def test_nothing_is_lost_and_the_stall_is_short(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    with Writers(stage, 8) as writers, stage.run() as run:
        _until(writers, 300)
        result = cut_over(run)
        _until(writers, len(writers.acknowledged) + 300)
    with capsys.disabled():
        sys.stdout.write(f"\nwriters waited {writers.longest_gap_ms:.0f} ms; {result}\n")
    assert writers.lost(stage.target) == []
    assert not stage.accepts_writes(stage.source)
    assert stage.accepts_writes(stage.target)
    assert stage.records().writer_side() is Side.TARGET
    assert stage.published() == stage.target.address
    assert result["stallMs"] < 3000
    assert result["terminatedSessions"] == 8
    assert result["writer"]["host"] == stage.target.address
    sequences = [Sequence("public", "writes_id_seq", 1)]
    with stage.sides().target_admin() as late, pytest.raises(StateDrifted, match="is open"):
        TargetGate().open(late, sequences)
    assert stage.target.run(NEXT_ID_IS_FREE, DATABASE) == [[True]]
    with stage.run() as again:
        assert cut_over(again) == result


def _until(writers: Writers, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(writers.acknowledged) < count:
        assert time.monotonic() < deadline, f"only {len(writers.acknowledged)} writes"
        time.sleep(0.01)
