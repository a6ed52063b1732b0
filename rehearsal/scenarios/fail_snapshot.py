"""The snapshot of the source ends in status `failed`: nothing was made yet that could be kept."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """RDS gives up the snapshot half-way."""
    it.fault(kind="event", name="snapshot-fails")
    it.start()


SCENARIOS = [Scenario("fail_snapshot", story, ends=("MigrationRolledBack",))]
