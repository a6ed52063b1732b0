"""The old source dies in the bake and comes up again: the way back goes on, and going back loses nothing."""

import time

from rehearsal.ground import client
from rehearsal.light import Scenario, Story

WRITES_SECONDS = 2.0


def story(it: Story) -> None:
    """Writes go on all the time; when the source is back, so is every one of them."""
    it.start(bakeDays=7)
    it.until_state("Bake")
    it.until_mail("Aurora is the writer now")  # told when the way back runs
    it.account.crash(it.source)
    time.sleep(WRITES_SECONDS)
    it.until(lambda: _instance(it) == "available", "the source")
    it.operate("roll-back", reason="the crash has shown that the source is still needed")


def _instance(it: Story) -> str:
    found = client(it.account, "rds").describe_db_instances(DBInstanceIdentifier=it.source)["DBInstances"]
    return str(found[0]["DBInstanceStatus"])


SCENARIOS = [Scenario("fail_source_crashes_in_bake", story, ends=("MigrationRolledBack",), limit_seconds=180.0)]
