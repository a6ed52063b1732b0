"""The way back: a shop moves to Aurora, makes ten thousand writes there, and on-call goes back without losing one."""

import time
from collections.abc import Mapping
from typing import Any

from rehearsal import execution
from rehearsal.run import Rehearsal, RehearsalFailed
from rehearsal.scenarios.happy_path import MIGRATION, approve

WRITES = 10_000
MOST_TIMES_THE_FORWARD_STALL = 1.2
GO_BACK = "crossfade-roll-back"


def run(pace: float) -> int:
    """The story; 0 when every promise was kept."""
    with Rehearsal("roll_back", pace) as rehearsal:
        began = time.time()
        rehearsal.build()
        rehearsal.start_load()
        migration = execution.start(rehearsal.account, MIGRATION)
        bake = Bake()
        outcome = rehearsal.follow(migration, on_mail=bake.read, on_tick=bake.tick)
        if outcome == "FAILED":
            outcome = execution.stages(migration.history())[-1].name
        return rehearsal.judge(migration, outcome, began, expected="MigrationRolledBack", extra=bake.broken)


class Bake:
    """What on-call does: approves, waits for the writes on Aurora, and types the command of the message."""

    def __init__(self) -> None:
        self._go_back: str | None = None
        self.writes_before = 0

    def read(self, rehearsal: Rehearsal, mail: Mapping[str, Any]) -> None:
        """A message to on-call."""
        approve(rehearsal, mail)
        if "is the writer now" in mail["subject"]:
            lines = (line.strip() for line in mail["message"].splitlines())
            self._go_back = next((line for line in lines if GO_BACK in line), None)
            if self._go_back is None:
                raise RehearsalFailed(f"the message {mail['subject']!r} has no command with {GO_BACK}")

    def tick(self, rehearsal: Rehearsal) -> None:
        """Goes back when enough writes were acknowledged on the target and the way back runs."""
        if self._go_back is None or self.writes_before:
            return
        written = rehearsal.writes_on_target()
        if written >= WRITES and rehearsal.way_back_runs():
            self.writes_before = written
            rehearsal.progress.say(f"  {written} writes were acknowledged on Aurora; on-call: {self._go_back}")
            execution.command(rehearsal.account, self._go_back)

    def broken(self, verdict: Mapping[str, Any]) -> list[str]:
        """Promises of this scenario that were not kept."""
        broken = []
        if self.writes_before < WRITES:
            broken.append(
                f"{self.writes_before} writes were acknowledged on the target before going back, not {WRITES}"
            )
        stalls = verdict["stalls"]
        if stalls["switch_back_ms"] is None:
            broken.append("there was no switch back")
        elif stalls["ratio"] > MOST_TIMES_THE_FORWARD_STALL:
            broken.append(
                f"the switch back stalled writes for {stalls['switch_back_ms']:g} ms,"
                f" {stalls['ratio']:g} times the {stalls['cut_over_ms']:g} ms of the cut-over"
            )
        return broken
