"""Somebody stops the execution by hand, in each of its states: another one takes over and brings it to an end."""

from collections.abc import Callable, Mapping, Sequence

from rehearsal.bakes import WEEK, accepted, roll_back
from rehearsal.light import Scenario, Story

FORWARD = (
    "ClaimMigration",
    "PrepareSource",
    "SnapshotSource",
    "AwaitSnapshot",
    "CreateTarget",
    "AwaitTarget",
    "StartReplication",
    "AwaitReplication",
    "VerifyData",
    "DrillFailover",
    "PrepareReverse",
    "ShiftReads",
)
UNDOING = ("RestoreReads", "StopReplication", "DiscardTarget")
GOING_BACK = ("SwitchBack", "KeepTarget")
Tell = Callable[[Story], None]


def on_the_way(state: str) -> Tell:
    """Before anybody was asked."""

    def tell(it: Story) -> None:
        it.start(approval="manual")
        it.until_state(state)
        it.stop()

    return tell


def while_asking(it: Story) -> None:
    """On-call has the message; the answer then comes too late."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    it.stop()


def while_undoing(state: str) -> Tell:
    """The migration was rejected and is being undone."""

    def tell(it: Story) -> None:
        it.start(approval="manual")
        it.until_mail("Approve:")
        it.operate("reject", reason="rehearsed")
        it.until_state(state)
        it.stop()

    return tell


def in_the_cut_over(it: Story) -> None:
    """Its function goes on to its end; who takes over finds what it did."""
    it.start()
    it.until_state("CutOver")
    it.stop()


def while_unfencing(it: Story) -> None:
    """No attempt of the cut-over comes to its end."""
    it.fault(kind="kill", function="crossfade-cut-over", match="step endSessions", times=None)
    it.start()
    it.until_state("UnfenceSource")
    it.stop()


def in_the_bake(it: Story) -> None:
    """A stopped bake is no roll back: it goes on in the execution that takes over, until on-call ends it."""
    it.start(**WEEK)
    it.until_state("Bake")
    it.stop()
    it.until(lambda: it.states.count("Bake") > 1, "the bake in the execution that takes over")
    it.until(lambda: accepted(it, "complete-early"), "the end of the bake")


def while_completing(it: Story) -> None:
    """The target is the writer for good."""
    it.start()
    it.until_state("Complete")
    it.stop()


def while_going_back(state: str) -> Tell:
    """On the way back to the source."""

    def tell(it: Story) -> None:
        it.start(**WEEK)
        roll_back(it)
        it.until_state(state)
        it.stop()

    return tell


def _scenarios(stories: Mapping[str, Tell], ends: Sequence[str]) -> list[Scenario]:
    return [Scenario(f"fail_stopped_{state}", tell, ends=ends) for state, tell in stories.items()]


ROLLED_BACK = {
    **{state: on_the_way(state) for state in FORWARD},
    "RequestCutover": while_asking,
    "UnfenceSource": while_unfencing,
    **{state: while_undoing(state) for state in UNDOING},
    **{state: while_going_back(state) for state in GOING_BACK},
}
SCENARIOS = [
    *_scenarios(ROLLED_BACK, ("MigrationRolledBack",)),
    *_scenarios({"CutOver": in_the_cut_over}, ("Complete", "MigrationRolledBack")),
    *_scenarios({"Bake": in_the_bake, "Complete": while_completing}, ("Complete",)),
]
