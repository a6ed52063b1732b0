"""StartReplication and AwaitReplication, and what comes after a failure."""

import pg8000.native
import pytest

from migration import clients
from migration.errors import ReplicaLagging, StateDrifted, TargetAlreadyOpen
from tests.integration.task_account import APPLICATION_PASSWORD, TaskAccount

SHOP = """
grant orders_app to current_user;
create schema shop authorization orders_app;
set role orders_app;
create table shop.item (id bigint generated always as identity primary key, name text not null);
create table shop.sale (id bigserial, at date, item bigint references shop.item, primary key (id, at))
    partition by range (at);
create table shop.sale_2026 partition of shop.sale for values from ('2026-01-01') to ('2027-01-01');
create table shop.empty (id int primary key);
insert into shop.item (name) select repeat('long ', 20000) from generate_series(1, 20);
insert into shop.sale (at, item) select date '2026-01-01' + g, 1 + g % 20 from generate_series(1, 100) g;
create function shop.note() returns trigger language plpgsql as
    $$ begin insert into shop.empty values (1); return new; end $$;
create trigger note after delete on shop.item for each row execute function shop.note();
reset role;
revoke orders_app from current_user granted by current_user
"""
WRITES = (
    "insert into shop.item (name) values ('x')",
    "update shop.item set name = 'x'",
    "delete from shop.sale",
    "insert into shop.sale_2026 (at, item) values ('2026-05-05', 1)",
    "truncate shop.empty",
)


def test_a_closed_target_follows_the_source(account: TaskAccount) -> None:
    account.deploy(SHOP)
    account.run_until("AwaitReplication")
    for name in ("StartReplication", "AwaitReplication"):
        account.run(name)

    with account.target("orders_app", APPLICATION_PASSWORD) as application:
        for statement in WRITES:
            assert _sqlstate(application, statement) == "25006", statement
        assert application.run("select count(*), sum(length(name)) from shop.item") == [[20, 2_000_000]]
    with account.source() as source:
        source.run("grant orders_app to current_user")
        source.run("insert into shop.item (name) values ('later')")
        source.run("delete from shop.sale where item = 3")
        source.run("update shop.sale set item = 1 where item = 2")
    account.run("AwaitReplication")
    with account.source() as source, account.target() as target:
        for question in (
            "select count(*), max(id) from shop.item",
            "select count(*), sum(id), sum(item) from shop.sale",
            "select count(*) from shop.empty",
        ):
            assert target.run(question) == source.run(question), question
        assert target.run(
            "select attidentity from pg_attribute where attname = 'id' and attrelid = 'shop.item'::regclass"
        ) == [["d"]]
        assert source.run(
            "select attidentity from pg_attribute where attname = 'id' and attrelid = 'shop.item'::regclass"
        ) == [["a"]]
        assert target.run("select last_value from shop.sale_id_seq") == [[100]]


def test_a_task_that_stops_is_drift_and_its_slot_is_dropped(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("AwaitReplication")
    with account.source() as source:
        source.run("select pg_create_logical_replication_slot('somebody_else', 'pgoutput')")
        assert source.run("select count(*) from pg_replication_slots where active") == [[1]]
    clients.dms().stop_replication_task(ReplicationTaskArn=account.state["replication"]["taskArn"])
    account.rds.until(lambda: _task_status(account) == "stopped")
    with pytest.raises(StateDrifted, match=f"task crossfade-{account.migration_id} is stopped"):
        account.once("AwaitReplication")

    account.run("StopReplication")
    with account.source() as source:
        assert source.run("select slot_name from pg_replication_slots") == [["somebody_else"]]
    assert clients.dms().describe_endpoints()["Endpoints"] == []
    assert clients.dms().describe_replication_instances()["ReplicationInstances"] == []
    assert clients.dms().describe_replication_subnet_groups()["ReplicationSubnetGroups"] == []


def test_a_target_in_use_is_never_deleted(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("AwaitReplication")
    with account.target() as target:
        target.run("update crossfade.gate set state = 'open'")
    account.run("StopReplication")
    with pytest.raises(TargetAlreadyOpen, match="must not be deleted"):
        account.once("DiscardTarget")
    with account.target() as target:
        target.run("update crossfade.gate set state = 'sealed'")
    _point_writer_at_target(account)
    with pytest.raises(TargetAlreadyOpen, match="points to the target"):
        account.once("DiscardTarget")
    assert account.rds.cluster(f"crossfade-{account.migration_id}")["Status"] == "available"


def test_without_a_metric_the_lag_is_unknown(account: TaskAccount) -> None:
    account.deploy()
    account.run_until("StartReplication")
    with pytest.raises(ReplicaLagging):
        account.once("AwaitReplication")


def _task_status(account: TaskAccount) -> str:
    return str(clients.dms().describe_replication_tasks()["ReplicationTasks"][0]["Status"])


def _sqlstate(session: pg8000.native.Connection, statement: str) -> str:
    try:
        session.run(statement)
    except pg8000.native.DatabaseError as error:
        return str(error.args[0]["C"])
    return "00000"


def _point_writer_at_target(account: TaskAccount) -> None:
    from migration.model import SourceSettings, from_json
    from migration.route53 import DnsRecords

    DnsRecords(clients.route53(), from_json(SourceSettings, account.settings)).flip_writer()
