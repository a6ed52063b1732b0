"""The failover drill does not come back: the target has no writer for an hour and more."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """Aurora is `failing-over` for longer than the drill waits."""
    it.fault(kind="event", name="failover-hangs")
    it.start()


SCENARIOS = [Scenario("fail_failover_hangs", story, ends=("MigrationRolledBack",), limit_seconds=180.0)]
