"""DMS cannot reach a database: the connection test of an endpoint fails."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """Every test fails, as with a missing rule in a security group."""
    it.fault(kind="event", name="connection-test-fails", times=None)
    it.start()


SCENARIOS = [Scenario("fail_connection_test", story, ends=("MigrationRolledBack",))]
