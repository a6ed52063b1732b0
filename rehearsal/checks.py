"""What a scenario with a fault has to show beyond the invariants: sentences about what is not so."""

from collections.abc import Callable

from rehearsal import evidence
from rehearsal.invariants import longest_without_writer_seconds
from rehearsal.light import Story

WRITER_BACK_WITHIN_SECONDS = 10.0


def faults_struck(it: Story) -> list[str]:
    """A fault that never struck has shown nothing."""
    own = [rule for rule in it.account.faults() if it.source in f"{rule.get('match')} {rule.get('and')}"]
    return [f"the fault {rule} never struck" for rule in own if rule["struck"] == 0]


def writer_soon_back(it: Story) -> list[str]:
    """Issue 3: the writer is accepting again within 10 s of real time after a death."""
    seconds = longest_without_writer_seconds(evidence.seen(it.directory).probes)
    return [] if seconds <= WRITER_BACK_WITHIN_SECONDS else [f"for {seconds:.1f} s no side took a write"]


def passed(*states: str) -> Callable[[Story], list[str]]:
    """The migration came through these states, in any order."""

    def check(it: Story) -> list[str]:
        missing = [state for state in states if state not in it.states]
        return [f"it did not come through {', '.join(missing)}"] if missing else []

    return check
