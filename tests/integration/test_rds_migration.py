"""What a migration asks of RDS, from the source to a failover, on real servers."""

import pytest

from rehearsal.account.rds import versions
from tests.integration.rds_account import RdsAccount


def test_source_snapshot_cluster_two_instances_failover(rds: RdsAccount) -> None:
    source = rds.create_source()
    with rds.session(source["Endpoint"]["Address"]) as session:
        session.run("create table orders (id bigint generated always as identity primary key, total numeric)")
        session.run("insert into orders (total) select g from generate_series(1, 500) g")
    arn = rds.take_snapshot()
    cluster = rds.restore_cluster(arn)
    assert cluster["DBClusterMembers"] == []
    assert cluster["Endpoint"] not in rds.platform.hosts

    rds.add_members("orders-aurora-1", "orders-aurora-2")
    with rds.session(cluster["Endpoint"]) as session:
        assert session.run("select count(*) from orders") == [[500]]
        session.run("insert into orders (total) values (501)")
    with rds.session(cluster["ReaderEndpoint"]) as session:
        assert session.run("select pg_is_in_recovery()") == [[True]]
        rds.until(lambda: session.run("select count(*) from orders") == [[501]])
        with pytest.raises(Exception, match="read-only"):
            session.run("insert into orders (total) values (502)")

    rds.client.failover_db_cluster(DBClusterIdentifier="orders-aurora")
    rds.until_cluster("orders-aurora")
    writers = [
        m["DBInstanceIdentifier"] for m in rds.cluster("orders-aurora")["DBClusterMembers"] if m["IsClusterWriter"]
    ]
    assert writers == ["orders-aurora-2"]
    with rds.session(cluster["Endpoint"]) as session:
        session.run("insert into orders (total) values (502)")
    with rds.session(cluster["ReaderEndpoint"]) as session:
        rds.until(lambda: session.run("select count(*) from orders") == [[502]])


def test_the_newest_version_is_that_of_the_real_servers(rds: RdsAccount) -> None:
    printed = rds.fleet.installation.run("postgres", "--version")
    assert printed.split()[2] == str(versions.default_version(versions.POSTGRES))
    assert versions.default_version(versions.POSTGRES) == versions.default_version(versions.AURORA)
