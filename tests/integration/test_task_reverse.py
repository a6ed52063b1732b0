"""The way back on real servers: prepared and proved, started after the cut-over, watched, repaired and retired.

Every state runs twice, as Step Functions may run it.
"""

from __future__ import annotations

import importlib
import json
import time
from typing import Any

import boto3
import pytest
from moto.core import DEFAULT_ACCOUNT_ID
from moto.sns import sns_backends

from migration import clients
from migration.errors import AbortRequested, NotReady, ReplicationNotReady
from migration.ledger import Ledger
from tests.integration.task_account import TaskAccount

FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:crossfade-"
SCHEMA = """
create table orders (id bigint generated always as identity primary key, note text not null, total numeric);
create table lines (order_id bigint references orders, line int, primary key (order_id, line));
create table audit (id bigserial primary key, what text);
create function note_order() returns trigger language plpgsql as
  'begin insert into audit (what) values (new.note); return new; end';
create trigger noted after insert on orders for each row execute function note_order();
insert into orders (note, total) select repeat('x', g), g from generate_series(1, 50) g;
insert into lines select g, 1 from generate_series(1, 50) g;
grant select, insert, update, delete on orders, lines, audit to orders_app;
grant usage on all sequences in schema public to orders_app
"""
IDENTITY = "select attidentity::text from pg_attribute where attrelid = 'orders'::regclass and attname = 'id'"
SLOTS = "select count(*) from pg_replication_slots"
ROWS = "select id, note, total from orders order by id"


@pytest.fixture
def copied(account: TaskAccount, monkeypatch: pytest.MonkeyPatch) -> TaskAccount:
    """Everything up to AwaitReplication is done."""
    topic = boto3.client("sns").create_topic(Name="crossfade-alerts")["TopicArn"]
    boto3.client("scheduler").create_schedule_group(Name="crossfade")
    values = {
        "CROSSFADE_TOPIC_ARN": topic,
        "CROSSFADE_SCHEDULE_GROUP": "crossfade",
        "CROSSFADE_SCHEDULER_ROLE_ARN": "arn:aws:iam::123456789012:role/scheduler",
        "CROSSFADE_SCHEDULE_DLQ_ARN": "arn:aws:sqs:us-east-1:123456789012:dlq",
    }
    values |= {
        f"CROSSFADE_{name.upper().replace('-', '_')}_ARN": FUNCTION + name
        for name in ("finish-bake", "watch-reverse", "remind-retirement")
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    account.deploy(SCHEMA)
    account.run_until("AwaitReplication")
    return account


def bake_once(account: TaskAccount, token: str = "token of Bake") -> dict[str, Any]:
    event = {"taskToken": token, "state": account.state, "executionArn": account.execution_arn}
    return dict(account._handler("Bake")(json.loads(json.dumps(event)), None))


def bake(account: TaskAccount, token: str = "token of Bake") -> dict[str, Any]:
    """Bake, as the state machine repeats it until it is ready."""
    deadline = time.monotonic() + 40
    while True:
        try:
            return bake_once(account, token)
        except NotReady:
            assert time.monotonic() < deadline, "Bake is still not ready"
            time.sleep(0.05)


def watch(account: TaskAccount, at: str) -> dict[str, Any]:
    """One firing of the schedule."""
    handler = importlib.import_module("events.watch_reverse").handler
    return dict(handler({"migrationId": account.migration_id, "scheduledTime": at}, None))


def subjects() -> list[str]:
    """Of the messages sent to on-call."""
    return [item[2] for item in _notifications()]


def last_body() -> str:
    return str(_notifications()[-1][1])


def _notifications() -> list[Any]:
    (topic,) = sns_backends[DEFAULT_ACCOUNT_ID]["us-east-1"].topics.values()
    return list(topic.sent_notifications)


def schedules() -> list[str]:
    found = boto3.client("scheduler").list_schedules(GroupName="crossfade")["Schedules"]
    return sorted(str(item["Name"]) for item in found)


def reverse_task(account: TaskAccount) -> dict[str, Any]:
    name = f"crossfade-{account.migration_id}-reverse"
    tasks = clients.dms().describe_replication_tasks()["ReplicationTasks"]
    return next(dict(task) for task in tasks if task["ReplicationTaskIdentifier"] == name)


def tasks() -> list[str]:
    found = clients.dms().describe_replication_tasks()["ReplicationTasks"]
    return sorted(task["ReplicationTaskIdentifier"] for task in found)


def await_equal(account: TaskAccount) -> None:
    """Returns when the source holds what the target holds."""
    deadline = time.monotonic() + 15
    with account.source() as source, account.target() as target:
        while source.run(ROWS) != target.run(ROWS):
            assert time.monotonic() < deadline, "the source does not hold what the target holds"
            time.sleep(0.02)


def test_the_way_back_from_canary_to_end(copied: TaskAccount) -> None:
    prepare_twice(copied)
    copied.run("CutOver")
    begin_bake_in_order(copied)
    bake(copied, "second token")
    assert subjects() == ["orders: Aurora is the writer now"]
    assert schedules() == [f"crossfade-{name}-{copied.migration_id}" for name in ("bake", "reverse")]
    write_on_target(copied)
    lose_the_source(copied)
    break_and_repair(copied)
    completion = copied.run("Complete")
    assert copied.run("Complete") == completion
    assert_nothing_left(copied)
    assert watch(copied, "12:00")["action"] == "ended"


def prepare_twice(account: TaskAccount) -> None:
    prepared = account.run("PrepareReverse")
    assert prepared["canarySeconds"] > 0
    assert account.run("PrepareReverse") == prepared
    assert reverse_task(account)["Status"] == "ready"
    assert tasks() == [f"crossfade-{account.migration_id}", f"crossfade-{account.migration_id}-reverse"]
    with account.target() as target, account.source() as source:
        assert target.run(SLOTS) == [[0]]
        for side in (source, target):
            assert side.run("select count(*) from crossfade.canary") == [[0]]
    reverse = account.ledger_item(f"migration#{account.migration_id}")["reverse"]["M"]
    assert reverse["state"] == {"S": "prepared"}


def begin_bake_in_order(account: TaskAccount) -> None:
    """The reverse task starts after the forward one has stopped, where the slot of the cut-over stands."""
    starts: list[dict[str, Any]] = []
    clients.dms().meta.events.register(
        "provide-client-params.dms.StartReplicationTask", lambda params, **_: starts.append(params)
    )
    with pytest.raises(ReplicationNotReady, match="is being stopped"):
        bake_once(account)
    assert (starts, reverse_task(account)["Status"]) == ([], "ready")
    bake(account)
    assert [call["CdcStartPosition"] for call in starts] == [account.state["cutOver"]["targetPosition"]]
    assert {task["Status"] for task in clients.dms().describe_replication_tasks()["ReplicationTasks"]} == {
        "stopped",
        "running",
    }


def write_on_target(account: TaskAccount) -> None:
    with account.target("orders_app", "application-Passw0rd") as application:
        application.run("insert into orders (note, total) values ('after', 1)")
        application.run("insert into lines select max(id), 1 from orders")
        application.run("update orders set total = -1 where id = 1")
        application.run("delete from lines where order_id = 50")
        application.run("delete from orders where id = 50")
    await_equal(account)
    with account.source() as source, account.target() as target:
        # The trigger fired once, on the target; its row came by replication.
        assert source.run("select count(*) from audit where what = 'after'") == [[1]]
        assert (source.run(IDENTITY), target.run(IDENTITY)) == ([["d"]], [["a"]])
        assert source.run("select count(*) from lines where order_id = 50") == [[0]]
        assert source.run(SLOTS) == [[0]]


def lose_the_source(account: TaskAccount) -> None:
    """A source that cannot be reached for five minutes is no way back either, whatever DMS says."""
    host = account.state["plan"]["source"]["host"]
    address = account.platform.hosts.pop(host)
    actions = [watch(account, f"11:0{minute}")["action"] for minute in range(6)]
    assert actions == ["none", "none", "none", "none", "broken", "none"]
    assert f"{host}:" in last_body()
    assert "cannot be reached" in last_body()
    account.platform.hosts[host] = address
    account.rds.until(lambda: watch(account, "11:06")["action"] == "recovered")


def break_and_repair(account: TaskAccount) -> None:
    """On-call is told once of each."""
    assert [watch(account, "12:00")["action"] for _ in range(2)] == ["none", "none"]
    arn = reverse_task(account)["ReplicationTaskArn"]
    clients.dms().stop_replication_task(ReplicationTaskArn=arn)
    account.rds.until(lambda: bool(reverse_task(account)["Status"] == "stopped"))
    with account.target() as target:
        target.run("insert into orders (note, total) values ('missed', 1)")
    assert [watch(account, at)["action"] for at in ("12:01", "12:02")] == ["broken", "none"]
    assert subjects()[-1] == "orders: the way back from Aurora is broken"
    assert "Going back now would lose every write on Aurora since" in last_body()
    assert f"--replication-task-arn {arn} --start-replication-task-type resume-processing" in last_body()
    clients.dms().start_replication_task(ReplicationTaskArn=arn, StartReplicationTaskType="resume-processing")
    account.rds.until(lambda: watch(account, "12:03")["action"] == "recovered")
    assert watch(account, "12:04")["action"] == "none"
    assert (
        subjects()[1:]
        == ["orders: the way back from Aurora is broken", "orders: the way back from Aurora works again"] * 2
    )
    await_equal(account)


def assert_nothing_left(account: TaskAccount) -> None:
    assert tasks() == []
    assert clients.dms().describe_endpoints()["Endpoints"] == []
    assert clients.dms().describe_replication_instances()["ReplicationInstances"] == []
    assert f"crossfade-reverse-{account.migration_id}" not in schedules()
    with account.source() as source, account.target() as target:
        assert (source.run(SLOTS), target.run(SLOTS)) == ([[0]], [[0]])
        assert source.run(IDENTITY) == [["a"]]


def test_without_a_way_back_the_bake_goes_on(copied: TaskAccount) -> None:
    """The slot of the cut-over is gone: nobody can bring the source what it misses."""
    copied.run("PrepareReverse")
    copied.run("CutOver")
    with copied.target() as target:
        target.run("select pg_drop_replication_slot(slot_name) from pg_replication_slots")
    for _ in range(2):
        assert bake(copied) == {"bakeDays": 7}
    assert subjects() == ["orders: the way back from Aurora is broken", "orders: Aurora is the writer now"]
    assert "no way back without loss" in _notifications()[0][1]
    assert "crossfade-roll-back" not in last_body()
    assert watch(copied, "12:00")["action"] == "none"
    Ledger(clients.dynamodb(), "ledger").update(copied.migration_id, {"takenOverBy": "arn:other"})
    with pytest.raises(AbortRequested, match="was taken over by arn:other"):
        bake_once(copied)


def test_stopping_before_the_cut_over_leaves_nothing(copied: TaskAccount) -> None:
    copied.run("PrepareReverse")
    stopped = copied.run("StopReplication")
    assert copied.run("StopReplication") == stopped
    assert_nothing_left(copied)
