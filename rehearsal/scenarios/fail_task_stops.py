"""The replication task stops by itself with RECOVERABLE_ERROR while it follows the changes."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """DMS has given up to recover, after the load and before anything was moved."""
    it.start()
    it.until_state("VerifyData")
    it.fault(kind="event", name="task-stops", level="RECOVERABLE")


SCENARIOS = [Scenario("fail_task_stops", story, ends=("MigrationRolledBack",))]
