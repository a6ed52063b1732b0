"""The function of the way back dies (SIGKILL) at the beginning of each of its steps."""

from collections.abc import Callable

from rehearsal.bakes import WEEK, roll_back
from rehearsal.checks import faults_struck, writer_soon_back
from rehearsal.light import Scenario, Story

STEPS = (
    "makeGate",
    "compareSchemas",
    "refuseBusyWriter",
    "rehearseMarker",
    "readPublication",
    "prepareFence",
    "writeJournal",
    "raiseFence",
    "endSessions",
    "writeMarker",
    "awaitMarker",
    "confirmProbe",
    "openGate",
    "publishWriter",
    "flipAllRecords",
)


def killed_at(step: str) -> Callable[[Story], None]:
    """The first attempt dies there; the next one finds what it left. Undone, the migration bakes on: asked again."""

    def tell(it: Story) -> None:
        it.fault(kind="kill", function="crossfade-switch-back", match=f"step {step}")
        it.start(**WEEK)
        roll_back(it)
        it.until(lambda: it.states[-1] in ("RestoreReads", "UnfenceTarget"), "the end of the switch back")
        if it.states[-1] == "UnfenceTarget":
            it.until(lambda: it.states[-1] == "Bake", "the bake to go on")
            roll_back(it)

    return tell


SCENARIOS = [
    Scenario(
        f"fail_switch_back_killed_{step}",
        killed_at(step),
        ends=("MigrationRolledBack",),
        checks=(faults_struck, writer_soon_back),
    )
    for step in STEPS
]
