"""Replication stands still in the middle of the read shift: the lag gate holds, then takes the reads back."""

from rehearsal.checks import passed
from rehearsal.light import Scenario, Story

OPTIONS = {"maxLagSeconds": 2, "readShift": {"steps": [25, 50, 100], "intervalMinutes": 1}}


def story(it: Story) -> None:
    """Nothing is applied on the target from 25 % on."""
    it.start()
    it.until(lambda: it.samples[-1].reader.get("target", 0) > 0, "a share of the reads for the target")
    paused = it.fault(kind="event", name="apply-paused")
    it.until_mail("lag")
    it.account.clear_faults(paused)


SCENARIOS = [
    Scenario("fail_reads_lag", story, ends=("MigrationRolledBack",), options=OPTIONS, checks=(passed("RestoreReads"),))
]
