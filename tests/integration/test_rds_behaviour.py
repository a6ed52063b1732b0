"""How instances and clusters behave over their lives, on real servers."""

import contextlib
import threading
import time
from collections.abc import Callable
from typing import Any

import pg8000.native
import pytest
from pg8000.exceptions import DatabaseError, InterfaceError

from rehearsal.account.rds.metrics import Meter
from tests.integration.rds_account import MASTER, PASSWORD, RdsAccount, refusal


def _apply_status(rds: RdsAccount) -> str:
    return str(rds.instance("orders-db")["DBParameterGroups"][0]["ParameterApplyStatus"])


def _wal_level(rds: RdsAccount, host: str) -> object:
    with rds.session(host) as session:
        return (session.run("show wal_level") or [])[0][0]


def _set(rds: RdsAccount, name: str, value: str, method: str) -> None:
    parameter = {"ParameterName": name, "ParameterValue": value, "ApplyMethod": method}
    rds.client.modify_db_parameter_group(DBParameterGroupName="logical", Parameters=[parameter])


def _create_group(rds: RdsAccount) -> None:
    rds.client.create_db_parameter_group(
        DBParameterGroupName="logical", DBParameterGroupFamily="postgres18", Description="logical replication"
    )


def test_static_parameters_wait_for_the_reboot(rds: RdsAccount) -> None:
    host = rds.create_source()["Endpoint"]["Address"]
    _create_group(rds)
    _set(rds, "rds.logical_replication", "1", "pending-reboot")
    rds.client.modify_db_instance(
        DBInstanceIdentifier="orders-db", DBParameterGroupName="logical", ApplyImmediately=True
    )
    assert _apply_status(rds) == "applying"
    rds.until_instance("orders-db")
    assert (_apply_status(rds), _wal_level(rds, host)) == ("pending-reboot", "replica")
    rds.client.reboot_db_instance(DBInstanceIdentifier="orders-db")
    assert rds.instance("orders-db")["DBInstanceStatus"] == "rebooting"
    rds.until_instance("orders-db")
    assert (_apply_status(rds), _wal_level(rds, host)) == ("in-sync", "logical")


def test_dynamic_parameters_apply_at_once_and_a_used_group_stays(rds: RdsAccount) -> None:
    _create_group(rds)
    host = rds.create_source(DBParameterGroupName="logical")["Endpoint"]["Address"]
    _set(rds, "statement_timeout", "1234", "immediate")
    with rds.session(host) as session:
        rds.until(lambda: session.run("show statement_timeout") == [["1234ms"]])
    assert _apply_status(rds) == "in-sync"
    _set(rds, "max_wal_senders", "25", "pending-reboot")
    assert _apply_status(rds) == "pending-reboot"
    delete = rds.client.delete_db_parameter_group
    assert refusal(lambda: delete(DBParameterGroupName="logical")) == "InvalidDBParameterGroupState"
    shown = rds.client.describe_db_parameters(DBParameterGroupName="logical", Source="user")["Parameters"]
    assert {one["ParameterName"]: one["ParameterValue"] for one in shown} == {
        "statement_timeout": "1234",
        "max_wal_senders": "25",
    }


def test_a_cluster_has_its_group_from_the_start(rds: RdsAccount) -> None:
    rds.create_source()
    group = {"DBClusterParameterGroupName": "target"}
    rds.client.create_db_cluster_parameter_group(
        **group, DBParameterGroupFamily="aurora-postgresql18", Description="logical replication"
    )
    parameter = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.client.modify_db_cluster_parameter_group(**group, Parameters=[parameter])
    cluster = rds.restore_cluster(rds.take_snapshot(), **group)
    rds.add_members("orders-aurora-1")
    assert _wal_level(rds, cluster["Endpoint"]) == "logical"
    assert rds.cluster("orders-aurora")["DBClusterMembers"][0]["DBClusterParameterGroupStatus"] == "in-sync"
    delete = rds.client.delete_db_cluster_parameter_group
    assert refusal(lambda: delete(**group)) == "InvalidDBParameterGroupState"


def test_the_master_user_is_no_superuser(rds: RdsAccount) -> None:
    host = rds.create_source()["Endpoint"]["Address"]
    with rds.session(host) as session:
        assert session.run("select rolsuper from pg_roles where rolname = current_user") == [[False]]
        for forbidden in (
            "alter system set work_mem = '1MB'",
            "create role boss superuser",
            "create publication p for all tables",
        ):
            with pytest.raises(DatabaseError, match=r"permission denied|must be superuser"):
                session.run(forbidden)
        session.run("create role app login password 'app-Passw0rd'")
        session.run("set session_replication_role = 'replica'")
        session.run("alter database orders set default_transaction_read_only = on")
        session.run("alter role app nologin")
    with pytest.raises(DatabaseError, match="not permitted to log in"), rds.session(host, "app", "app-Passw0rd"):
        pass
    with pytest.raises(DatabaseError, match="permission denied"), rds.session(host, database="rdsadmin"):
        pass


def test_a_managed_password_replaces_the_restored_one(rds: RdsAccount) -> None:
    rds.create_source()
    rds.restore_cluster(rds.take_snapshot())
    rds.client.modify_db_cluster(
        DBClusterIdentifier="orders-aurora", ManageMasterUserPassword=True, ApplyImmediately=True
    )
    assert rds.cluster("orders-aurora")["MasterUserSecret"]["SecretStatus"] == "creating"
    rds.until_cluster("orders-aurora")
    rds.add_members("orders-aurora-1")
    cluster = rds.cluster("orders-aurora")
    assert cluster["MasterUserSecret"]["SecretStatus"] == "active"
    secret = rds.platform.secrets[cluster["MasterUserSecret"]["SecretArn"]]
    assert set(secret) == {"username", "password"}
    with rds.session(cluster["Endpoint"], secret["username"], secret["password"]) as session:
        assert session.run("select current_user") == [[MASTER]]
    with pytest.raises(DatabaseError, match="password authentication failed"), rds.session(cluster["Endpoint"]):
        pass


def test_a_restored_copy_carries_no_replication_of_the_emulator(rds: RdsAccount) -> None:
    host = rds.create_source()["Endpoint"]["Address"]
    with rds.session(host) as session:
        session.run("create table orders (id bigint primary key)")
        session.run("create publication kept for table orders")
    address = rds.platform.hosts[host]
    with contextlib.closing(rds.fleet.installation.connect(address, "orders")) as session:
        session.run("create publication emulated for table orders")
        login = f"host={address} port={rds.fleet.installation.port} dbname=orders user={MASTER} password={PASSWORD}"
        session.run(f"create subscription emulated connection '{login}' publication kept with (connect = false)")
    rds.restore_cluster(rds.take_snapshot())
    rds.add_members("orders-aurora-1")
    copy = rds.platform.hosts[rds.instance("orders-aurora-1")["Endpoint"]["Address"]]
    with contextlib.closing(rds.fleet.installation.connect(copy, "orders")) as session:
        assert session.run("select pubname from pg_publication") == [["kept"]]
        assert session.run("select subname from pg_subscription") == []
        assert session.run("select slot_name from pg_replication_slots") == []


def test_snapshot_progress_rises_while_the_source_backs_up(rds: RdsAccount) -> None:
    rds.create_source()
    rds.client.create_db_snapshot(DBSnapshotIdentifier="one", DBInstanceIdentifier="orders-db")
    again = {"DBSnapshotIdentifier": "two", "DBInstanceIdentifier": "orders-db"}
    assert refusal(lambda: rds.client.create_db_snapshot(**again)) == "InvalidDBInstanceState"
    restore = {"DBClusterIdentifier": "c", "Engine": "aurora-postgresql"}
    early = {**restore, "SnapshotIdentifier": rds.snapshot("one")["DBSnapshotArn"]}
    assert refusal(lambda: rds.client.restore_db_cluster_from_snapshot(**early)) == "InvalidDBSnapshotState"
    seen = []
    while (snapshot := rds.snapshot("one"))["Status"] == "creating":
        seen.append(snapshot["PercentProgress"])
        time.sleep(0.05)
    assert seen == sorted(seen)
    assert max(seen) < 100
    assert rds.snapshot("one")["PercentProgress"] == 100


def test_failover_keeps_every_acknowledged_write_and_its_slots(rds: RdsAccount) -> None:
    rds.create_source()
    group = {"DBClusterParameterGroupName": "target"}
    rds.client.create_db_cluster_parameter_group(**group, DBParameterGroupFamily="aurora-postgresql18", Description="d")
    parameter = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.client.modify_db_cluster_parameter_group(**group, Parameters=[parameter])
    host = rds.restore_cluster(rds.take_snapshot(), **group)["Endpoint"]
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    with rds.session(host) as session:
        session.run("create table ledger (n bigint primary key)")
        session.run("select pg_create_logical_replication_slot('reverse', 'pgoutput')")
    acknowledged: list[int] = []
    interruptions: list[str] = []
    stop = threading.Event()
    writer = threading.Thread(target=_write, args=(lambda: rds.session(host), acknowledged, interruptions, stop))
    writer.start()
    rds.until(lambda: len(acknowledged) > 100)
    rds.client.failover_db_cluster(DBClusterIdentifier="orders-aurora", TargetDBInstanceIdentifier="orders-aurora-2")
    rds.until_cluster("orders-aurora")
    count = len(acknowledged)
    rds.until(lambda: len(acknowledged) > count + 100)
    stop.set()
    writer.join()
    assert interruptions
    with rds.session(host) as session:
        stored = {row[0] for row in session.run("select n from ledger") or []}
        assert session.run("select slot_name from pg_replication_slots where slot_type = 'logical'") == [["reverse"]]
    assert set(acknowledged) <= stored
    messages = [one["Message"] for one in rds.client.describe_events(SourceType="db-cluster")["Events"]]
    assert messages[-1] == "Completed failover to DB instance: orders-aurora-2"
    assert rds.platform.events[-1][1]["EventID"] == "RDS-EVENT-0071"


def _write(
    connect: Callable[[], contextlib.AbstractContextManager[pg8000.native.Connection]],
    acknowledged: list[int],
    interruptions: list[str],
    stop: threading.Event,
) -> None:
    number = 0
    while not stop.is_set():
        try:
            with connect() as session:
                while not stop.is_set():
                    number += 1
                    session.run("insert into ledger values (:n)", n=number)
                    acknowledged.append(number)
        except (DatabaseError, InterfaceError, OSError) as error:
            interruptions.append(str(error))
            time.sleep(0.01)


def test_deleting_a_cluster_takes_its_instances_first(rds: RdsAccount) -> None:
    rds.create_source()
    cluster = rds.restore_cluster(rds.take_snapshot())
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    with rds.session(cluster["Endpoint"]) as session:
        session.run("create table kept (n int)")
    delete = rds.client.delete_db_cluster
    last: dict[str, Any] = {"DBClusterIdentifier": "orders-aurora", "FinalDBSnapshotIdentifier": "last"}
    assert refusal(lambda: delete(**last)) == "InvalidDBClusterStateFault"
    for name in ("orders-aurora-1", "orders-aurora-2"):
        rds.client.delete_db_instance(DBInstanceIdentifier=name, SkipFinalSnapshot=True)
    delete(**last)
    rds.until(lambda: refusal(lambda: rds.cluster("orders-aurora")) == "DBClusterNotFoundFault")
    assert refusal(lambda: rds.instance("orders-aurora-1")) == "DBInstanceNotFound"
    assert cluster["Endpoint"] not in rds.platform.hosts
    rds.restore_cluster("last")
    rds.add_members("orders-aurora-1")
    with rds.session(cluster["Endpoint"]) as session:
        assert session.run("select count(*) from kept") == [[0]]


def test_deleting_the_writer_promotes_the_reader(rds: RdsAccount) -> None:
    rds.create_source()
    cluster = rds.restore_cluster(rds.take_snapshot())
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    rds.client.delete_db_instance(DBInstanceIdentifier="orders-aurora-1", SkipFinalSnapshot=True)
    rds.until(lambda: refusal(lambda: rds.instance("orders-aurora-1")) == "DBInstanceNotFound")
    members = rds.cluster("orders-aurora")["DBClusterMembers"]
    assert [(one["DBInstanceIdentifier"], one["IsClusterWriter"]) for one in members] == [("orders-aurora-2", True)]
    with rds.session(cluster["Endpoint"]) as session:
        session.run("create table kept (n int)")


def test_stop_start_and_final_snapshot_of_the_source(rds: RdsAccount) -> None:
    host = rds.create_source()["Endpoint"]["Address"]
    rds.client.stop_db_instance(DBInstanceIdentifier="orders-db")
    rds.until_instance("orders-db", "stopped")
    with pytest.raises(ConnectionRefusedError), rds.session(host):
        pass
    reboot = rds.client.reboot_db_instance
    assert refusal(lambda: reboot(DBInstanceIdentifier="orders-db")) == "InvalidDBInstanceState"
    rds.client.start_db_instance(DBInstanceIdentifier="orders-db")
    rds.until_instance("orders-db")
    with rds.session(host) as session:
        session.run("select 1")
    rds.client.delete_db_instance(DBInstanceIdentifier="orders-db", FinalDBSnapshotIdentifier="final")
    rds.until(lambda: refusal(lambda: rds.instance("orders-db")) == "DBInstanceNotFound")
    assert rds.snapshot("final")["Status"] == "available"
    assert host not in rds.platform.hosts


def test_metrics_of_a_serverless_instance(rds: RdsAccount) -> None:
    rds.create_source()
    rds.restore_cluster(rds.take_snapshot())
    rds.add_members("orders-aurora-1", "orders-aurora-2")
    meter = Meter(rds.fleet)
    for instance in rds.fleet.instances.values():
        meter.publish(instance)
    seen = {(dimensions["DBInstanceIdentifier"], name): value for name, dimensions, value in rds.platform.metrics}
    assert seen["orders-aurora-1", "ServerlessDatabaseCapacity"] == 0.5
    assert seen["orders-aurora-1", "ACUUtilization"] == 6.25
    assert seen["orders-aurora-2", "AuroraReplicaLag"] >= 0
    assert ("orders-db", "ServerlessDatabaseCapacity") not in seen
    assert seen["orders-db", "CPUUtilization"] >= 0
