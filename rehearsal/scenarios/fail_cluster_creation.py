"""Aurora does not come up: the cluster or an instance of it ends in a status of failure, or stays in `creating`."""

from functools import partial

from rehearsal.light import Scenario, Story

HANG_SECONDS = 20_000.0
"""Of AWS; long after an operator has had enough, and then RDS is ready after all."""


def fails(match: str, it: Story) -> None:
    """RDS gives up what has `match` after the shop's name in its identifier."""
    it.start()
    it.until_state("SnapshotSource")
    it.fault(kind="event", name="cluster-creation-fails", match=f"crossfade-{it.migration_id}{match}")


def hangs(it: Story) -> None:
    """Nobody knows when it will be there; the operator aborts."""
    it.fault(kind="event", name="cluster-creation-hangs", hang_seconds=HANG_SECONDS)
    it.start()
    it.until_message("creating")
    it.operate("abort", reason="the cluster does not come up")


SCENARIOS = [
    Scenario("fail_cluster_creation", partial(fails, ""), ends=("MigrationRolledBack",)),
    Scenario("fail_instance_creation", partial(fails, "-1"), ends=("MigrationRolledBack",)),
    Scenario("fail_cluster_creation_hangs", hangs, ends=("MigrationRolledBack",), limit_seconds=240.0),
]
