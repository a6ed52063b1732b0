"""The tasks in the order of the state machine, each run twice, and back again."""

from tests.integration.task_account import TaskAccount

FORWARD = (
    "ClaimMigration",
    "PrepareSource",
    "SnapshotSource",
    "AwaitSnapshot",
    "CreateTarget",
    "AwaitTarget",
    "StartReplication",
    "AwaitReplication",
)


def test_every_step_twice_and_back(account: TaskAccount) -> None:
    account.deploy()
    account.assess()
    for name in FORWARD:
        first = account.run(name)
        second = account.run(name)
        assert first.keys() == second.keys(), name
    for name in ("StopReplication", "DiscardTarget"):
        account.run(name)
        account.run(name)
    assert account.rds.client.describe_db_clusters()["DBClusters"] == []
