"""A person says no to the cut-over: everything is undone, the source has been the writer all the time."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """On-call rejects."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    it.operate("reject", reason="the sale goes on until Monday")


SCENARIOS = [Scenario("fail_rejected", story, ends=("MigrationRolledBack",))]
