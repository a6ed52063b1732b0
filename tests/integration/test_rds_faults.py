"""What a rehearsal lets go wrong in the emulated RDS, with AWS's own statuses, and servers that crash."""

import threading
import time
from collections.abc import Iterator

import pytest

from rehearsal.account import faults
from rehearsal.account.rds import crash
from rehearsal.servers.installation import ServerError
from tests.integration.rds_account import RdsAccount, refusal
from tests.integration.test_rds_behaviour import _write

AURORA = "orders-aurora"


@pytest.fixture(autouse=True)
def _no_rule_is_left() -> Iterator[None]:
    yield
    faults.clear()


def _rule(name: str, **more: object) -> None:
    faults.add([{"kind": "event", "name": name, **more}])


def _restore(rds: RdsAccount, snapshot: str) -> None:
    scaling = {"MinCapacity": 0.5, "MaxCapacity": 8}
    rds.client.restore_db_cluster_from_snapshot(
        DBClusterIdentifier=AURORA,
        SnapshotIdentifier=snapshot,
        Engine="aurora-postgresql",
        EngineVersion="18.4",
        ServerlessV2ScalingConfiguration=scaling,
    )


def test_a_snapshot_fails_once_and_can_be_deleted(rds: RdsAccount) -> None:
    rds.create_source()
    _rule("snapshot-fails", match="orders-1")
    rds.client.create_db_snapshot(DBSnapshotIdentifier="orders-1", DBInstanceIdentifier="orders-db")
    rds.until(lambda: bool(rds.snapshot("orders-1")["Status"] == "failed"))
    rds.until_instance("orders-db")
    arn = rds.snapshot("orders-1")["DBSnapshotArn"]
    assert refusal(lambda: _restore(rds, arn)) == "InvalidDBSnapshotState"
    rds.client.delete_db_snapshot(DBSnapshotIdentifier="orders-1")
    rds.take_snapshot("orders-2")


def test_creations_fail_or_hang_and_what_failed_can_be_deleted(rds: RdsAccount) -> None:
    rds.create_source()
    snapshot = rds.take_snapshot()
    _rule("cluster-creation-fails", match=AURORA)
    _restore(rds, snapshot)
    rds.until_cluster(AURORA, "migration-failed")
    rds.client.delete_db_cluster(DBClusterIdentifier=AURORA, SkipFinalSnapshot=True)
    rds.until(lambda: AURORA not in rds.fleet.clusters)
    _rule("cluster-creation-hangs", match=AURORA, hang_seconds=1800)
    _restore(rds, snapshot)
    time.sleep(600 / 600 + 0.5)  # restored in 480 AWS seconds otherwise
    assert rds.cluster(AURORA)["Status"] == "creating"
    delete = rds.client.delete_db_cluster
    refused = refusal(lambda: delete(DBClusterIdentifier=AURORA, SkipFinalSnapshot=True))
    assert refused == "InvalidDBClusterStateFault"
    rds.until_cluster(AURORA)
    _rule("cluster-creation-fails", match="orders-aurora-1")
    rds.client.create_db_instance(
        DBInstanceIdentifier="orders-aurora-1",
        DBClusterIdentifier=AURORA,
        Engine="aurora-postgresql",
        DBInstanceClass="db.serverless",
    )
    rds.until_instance("orders-aurora-1", "incompatible-network")
    rds.client.delete_db_instance(DBInstanceIdentifier="orders-aurora-1")
    rds.until(lambda: "orders-aurora-1" not in rds.fleet.instances)


def test_a_crashed_instance_refuses_and_recovers_with_every_acknowledged_write(rds: RdsAccount) -> None:
    host = rds.create_source()["Endpoint"]["Address"]
    with rds.session(host) as session:
        session.run("create table ledger (n bigint primary key)")
    acknowledged: list[int] = []
    interruptions: list[str] = []
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(lambda: rds.session(host), acknowledged, interruptions, stop))
    writer.start()
    rds.until(lambda: len(acknowledged) > 100)
    crash.crash_instance(rds.fleet, "orders-db")
    assert rds.instance("orders-db")["DBInstanceStatus"] == "rebooting"
    rds.until_instance("orders-db")
    count = len(acknowledged)
    rds.until(lambda: len(acknowledged) > count + 100)
    stop.set()
    writer.join()
    assert interruptions
    with rds.session(host) as session:
        stored = {row[0] for row in session.run("select n from ledger") or []}
    assert set(acknowledged) <= stored
    events = rds.client.describe_events(SourceType="db-instance", EventCategories=["recovery"])["Events"]
    assert [event["Message"].split(".")[0] for event in events] == [
        "Recovery of the DB instance has started",
        "Recovery of the DB instance is complete",
    ]
    with pytest.raises(ValueError, match="not found"):
        crash.crash_instance(rds.fleet, "nobody")


def test_a_crashed_writer_leaves_its_cluster_to_the_reader(rds: RdsAccount) -> None:
    rds.create_source()
    host = rds.restore_cluster(rds.take_snapshot())["Endpoint"]
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    with rds.session(host) as session:
        session.run("create table ledger as select generate_series(1, 1000) as n")
    crash.crash_instance(rds.fleet, "orders-aurora-1")
    assert rds.cluster(AURORA)["Status"] == "failing-over"
    rds.until_cluster(AURORA)
    rds.until_instance("orders-aurora-1")
    writers = [one["DBInstanceIdentifier"] for one in rds.cluster(AURORA)["DBClusterMembers"] if one["IsClusterWriter"]]
    assert writers == ["orders-aurora-2"]
    with rds.session(host) as session:
        session.run("insert into ledger values (1001)")
        assert session.run("select count(*) from ledger") == [[1001]]
    crash.crash_instance(rds.fleet, "orders-aurora-1")  # a reader by now: it recovers where it is
    rds.until_instance("orders-aurora-1")
    reader = rds.cluster(AURORA)["ReaderEndpoint"]

    def caught_up() -> bool:
        with rds.session(reader) as session:
            return bool(session.run("select count(*) from ledger") == [[1001]])

    rds.until(caught_up)


def test_a_failover_hangs_with_the_writer_away_and_ends_after_all(rds: RdsAccount) -> None:
    rds.create_source()
    host = rds.restore_cluster(rds.take_snapshot())["Endpoint"]
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    _rule("failover-hangs", match=AURORA, hang_seconds=900)
    rds.client.failover_db_cluster(DBClusterIdentifier=AURORA)
    time.sleep(300 / 600)
    assert rds.cluster(AURORA)["Status"] == "failing-over"
    assert not rds.fleet.instances["orders-aurora-1"].server.running  # type: ignore[union-attr]
    rds.until_cluster(AURORA)
    with rds.session(host) as session:
        session.run("create table after_all (n int)")


def test_an_account_that_ends_in_a_failover_leaves_no_server(rds: RdsAccount) -> None:
    rds.create_source()
    rds.restore_cluster(rds.take_snapshot())
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    rds.client.failover_db_cluster(DBClusterIdentifier=AURORA)
    time.sleep(0.05)
    rds.fleet.installation.close()
    time.sleep(1.0)
    servers = [one.server for one in rds.fleet.instances.values() if one.server]
    assert len(servers) == 3
    assert not any(server.running for server in servers)
    with pytest.raises(ServerError, match="ending"):
        servers[0].start()
