"""A gate breaks at 25 % of the reads: the replication task fails, and all reads go back at once."""

from rehearsal.checks import passed
from rehearsal.light import Scenario, Story

STEPS = {"readShift": {"steps": [25, 50, 100], "intervalMinutes": 1}}


def story(it: Story) -> None:
    """The replication task ends with an error when the first readers are on the target."""
    it.start()
    it.until(lambda: it.samples[-1].reader.get("target", 0) > 0, "a share of the reads for the target")
    it.fault(kind="event", name="task-stops")


SCENARIOS = [
    Scenario("fail_reads_gate", story, ends=("MigrationRolledBack",), options=STEPS, checks=(passed("RestoreReads"),))
]
