"""An operator aborts the migration in several of its states: it is undone, and from the bake it goes back."""

from collections.abc import Callable

from rehearsal.bakes import WEEK, accepted
from rehearsal.checks import passed
from rehearsal.light import Scenario, Story

FORWARD = (
    "SnapshotSource",
    "AwaitTarget",
    "StartReplication",
    "AwaitReplication",
    "VerifyData",
    "DrillFailover",
    "PrepareReverse",
    "ShiftReads",
)


def on_the_way(state: str) -> Callable[[Story], None]:
    """Before anybody was asked."""

    def tell(it: Story) -> None:
        it.start(approval="manual")
        it.until_state(state)
        it.operate("abort", by="on-call", reason="rehearsed")

    return tell


def while_asking(it: Story) -> None:
    """Instead of an answer."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    it.operate("abort", by="on-call", reason="rehearsed")


def in_the_bake(it: Story) -> None:
    """It means: go back."""
    it.start(**WEEK)
    it.until_state("Bake")
    it.until(lambda: accepted(it, "abort"), "an open way back")


GONE_BACK = passed("SwitchBack", "KeepTarget")
SCENARIOS = [
    *(Scenario(f"fail_aborted_{state}", on_the_way(state), ends=("MigrationRolledBack",)) for state in FORWARD),
    Scenario("fail_aborted_RequestCutover", while_asking, ends=("MigrationRolledBack",)),
    Scenario(
        "fail_aborted_Bake", in_the_bake, ends=("MigrationRolledBack",), checks=(passed("SwitchBack", "KeepTarget"),)
    ),
]
