"""The function of the cut-over dies (SIGKILL) at the beginning of each of its steps, and while it undoes them."""

from collections.abc import Callable

from rehearsal.checks import faults_struck, writer_soon_back
from rehearsal.light import Scenario, Story

STEPS = (
    "refuseBusyWriter",
    "rehearseMarker",
    "readPublication",
    "refuseBusyTarget",
    "confirmLogin",
    "prepareFence",
    "writeJournal",
    "raiseFence",
    "endSessions",
    "writeMarker",
    "awaitMarker",
    "confirmProbe",
    "makeReverseSlot",
    "openGate",
    "publishWriter",
    "flipWriterRecord",
    "recallPosition",
)
FUNCTION = "crossfade-cut-over"


def killed_at(step: str) -> Callable[[Story], None]:
    """The first attempt dies there; the next one finds what it left."""

    def tell(it: Story) -> None:
        it.fault(kind="kill", function=FUNCTION, match=f"step {step}")
        it.start()

    return tell


def killed_in_every_attempt(it: Story) -> None:
    """No attempt gets beyond the fence: the compensation lifts it."""
    it.fault(kind="kill", function=FUNCTION, match="step endSessions", times=None)
    it.start()


def killed_while_undoing(it: Story) -> None:
    """The first attempt dies behind the fence, the second has no ledger and dies before it has lifted the fence."""
    it.fault(kind="kill", function=FUNCTION, match="step awaitMarker")
    it.fault(kind="kill", function=FUNCTION, match="undo raiseFence")
    # The first write is the journal of the first attempt; then as many fail as botocore makes attempts.
    failing = {"effect": "error", "code": "InternalServerError", "status": 500, "skip": 1, "times": 5}
    it.fault(kind="api", action="dynamodb:UpdateItem", principal=FUNCTION, **failing)
    it.start()


SCENARIOS = [
    *(
        Scenario(
            f"fail_cut_over_killed_{step}",
            killed_at(step),
            ends=("Complete", "MigrationRolledBack"),
            checks=(faults_struck, writer_soon_back),
        )
        for step in STEPS
    ),
    *(
        Scenario(name, story, ends=("MigrationRolledBack",), checks=(faults_struck, writer_soon_back))
        for name, story in (
            ("fail_cut_over_killed_each_attempt", killed_in_every_attempt),
            ("fail_cut_over_killed_undoing", killed_while_undoing),
        )
    ),
]
