"""The target's writer dies after it opened and before DNS says so: there is only forward."""

from rehearsal.ground import client
from rehearsal.light import Scenario, Story

HELD_SECONDS = 1.0


def story(it: Story) -> None:
    """The change of the record takes a second; in it the writer's server is killed."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    rule = it.fault(
        kind="api",
        action="route53:ChangeResourceRecordSets",
        principal="crossfade-cut-over",
        effect="delay",
        seconds=HELD_SECONDS,
    )
    it.operate("approve")
    it.until(lambda: _struck(it, rule), "the change of the writer record")
    it.account.crash(_writer(it))


def _struck(it: Story, rule: int) -> bool:
    return any(each["id"] == rule and each["struck"] for each in it.account.faults())


def _writer(it: Story) -> str:
    (cluster,) = it.shop.clusters()
    members = client(it.account, "rds").describe_db_clusters(DBClusterIdentifier=cluster["DBClusterIdentifier"])
    return next(
        str(member["DBInstanceIdentifier"])
        for member in members["DBClusters"][0]["DBClusterMembers"]
        if member["IsClusterWriter"]
    )


SCENARIOS = [
    Scenario("fail_target_crashes_at_flip", story, ends=("Complete",), requests_may_fail=True, limit_seconds=180.0)
]
