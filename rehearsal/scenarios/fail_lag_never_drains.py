"""The target never catches up: nothing is moved, and the operator ends it."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """The load is there, the changes do not come."""
    it.fault(kind="event", name="apply-paused")
    it.start()
    it.until_message("ReplicaLagging: ")
    it.until_message("did not arrive within")
    it.operate("abort", reason="the target never catches up")


SCENARIOS = [Scenario("fail_lag_never_drains", story, ends=("MigrationRolledBack",))]
