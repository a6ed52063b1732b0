"""The read shift on moto: schedule, token, weights and ledger move together, and every firing is safe to repeat."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws

from migration import read_shifting
from migration.executions import Executions
from migration.ledger import Ledger
from migration.model import MigrationPlan, Options, ReadShift, Source, SourceSettings, Target
from migration.read_shift import Action, Firing, GateReport
from migration.read_shifting import Stepper
from migration.route53 import DnsRecords
from migration.scheduler import Schedules, ScheduleSettings

WRITER, READER = "writer.orders.internal", "reader.orders.internal"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:crossfade-step-reads"
SETTINGS = SourceSettings("orders-db", "orders", "arn:m", "arn:a", WRITER, READER, "zone")
SOURCE = Source(
    "orders", SETTINGS, "arn", "postgres", "18.6", "db.m6g.large", "source.rds", 5432, "group", [], [], "orders", True,
    None, "master", ["app"],
)  # fmt: skip
TARGET = Target("orders-aurora", "aurora-postgresql", "18.6", "aurora-postgresql18", 0.5, 8)
PLAN = MigrationPlan(
    "orders-1f0c9a2b", "arn:e", SOURCE, TARGET, Options(read_shift=ReadShift([10, 100], 5)), "dms", "",
    "dms.t3.medium", [],
)  # fmt: skip


class Answers:
    """Step Functions' token calls, which moto does not have; `waiting` says whether somebody waits."""

    exceptions = boto3.client("stepfunctions", "us-east-1").exceptions

    def __init__(self) -> None:
        self.waiting, self.calls = True, list[tuple[str, Any]]()

    def send_task_heartbeat(self, **given: Any) -> None:
        self._note("heartbeat", given["taskToken"])

    def send_task_success(self, **given: Any) -> None:
        self._note("success", json.loads(given["output"]))

    def send_task_failure(self, **given: Any) -> None:
        self._note("failure", (given["error"], given["cause"]))

    def _note(self, name: str, value: Any) -> None:
        if not self.waiting:
            raise self.exceptions.TaskTimedOut({"Error": {"Code": "TaskTimedOut"}}, name)
        self.calls.append((name, value))


@dataclass
class Account:
    """One running read shift and its gates."""

    ledger: Ledger
    records: DnsRecords
    schedules: Schedules
    answers: Answers = field(default_factory=Answers)
    gates: GateReport = field(default_factory=GateReport)

    def start(self, token: str = "token") -> int:
        return read_shifting.start(PLAN, token, self.ledger, self.schedules, FUNCTION, NOW).generation

    def fire(self, minute: int, generation: int = 1, now_minute: int | None = None) -> Action:
        stepper = Stepper(
            self.ledger,
            self.records,
            self.schedules,
            Executions(self.answers),  # type: ignore[arg-type]
            lambda _: self.gates,
        )
        at, now = NOW + timedelta(minutes=minute), NOW + timedelta(minutes=minute if now_minute is None else now_minute)
        return stepper.step(Firing(PLAN.migration_id, generation, at.isoformat()), now).action

    @property
    def schedule_names(self) -> list[str]:
        found = boto3.client("scheduler").list_schedules(GroupName="crossfade")["Schedules"]
        return [item["Name"] for item in found]


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[Account]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        boto3.client("scheduler").create_schedule_group(Name="crossfade")
        yield Account(Ledger(boto3.client("dynamodb"), "ledger"), _records(), _schedules())


def _records() -> DnsRecords:
    client = boto3.client("route53")
    zone = client.create_hosted_zone(Name="orders.internal", CallerReference="1")["HostedZone"]["Id"]
    for name in (WRITER, READER):
        simple = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "source.rds"}]}
        batch: Any = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": simple}]}
        client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)
    records = DnsRecords(client, replace(SETTINGS, hosted_zone_id=zone))
    records.make_weighted("source.rds")
    records.add_target("target.rds", "target-ro.rds")
    return records


def _schedules() -> Schedules:
    queue, role = "arn:aws:sqs:us-east-1:123456789012:dlq", "arn:aws:iam::123456789012:role/scheduler"
    return Schedules(boto3.client("scheduler"), ScheduleSettings("crossfade", role, queue))


def test_the_schedule_fires_from_now_on_and_is_bounded_by_its_interval(account: Account) -> None:
    account.start()
    schedule = boto3.client("scheduler").get_schedule(GroupName="crossfade", Name="crossfade-reads-orders-1f0c9a2b-1")
    assert schedule["ScheduleExpression"] == "rate(5 minutes)"
    assert schedule["Target"]["RetryPolicy"]["MaximumEventAgeInSeconds"] == 300
    assert json.loads(schedule["Target"]["Input"]) == {
        "migrationId": "orders-1f0c9a2b",
        "generation": 1,
        "scheduledTime": "<aws.scheduler.scheduled-time>",
    }


def test_steps_to_100_then_answers_the_token_and_leaves_no_schedule(account: Account) -> None:
    account.start()
    assert account.fire(0) is Action.STEP
    assert account.records.reader_percent() == 10
    assert account.fire(5) is Action.STEP
    assert account.records.reader_percent() == 100
    assert [name for name, _ in account.answers.calls] == ["heartbeat", "success"]
    assert account.answers.calls[-1][1]["weight"] == 100
    assert account.schedule_names == []
    assert account.fire(10) is Action.IGNORE


def test_duplicates_and_late_firings_change_nothing(account: Account) -> None:
    account.start()
    account.fire(5)
    for minute, now_minute in ((5, 5), (0, 5), (6, 12)):
        assert account.fire(minute, now_minute=now_minute) is Action.IGNORE
    assert account.records.reader_percent() == 10
    assert len(account.answers.calls) == 1


def test_a_held_gate_keeps_the_weight_and_the_heartbeat(account: Account) -> None:
    account.start()
    account.fire(0)
    account.gates = GateReport(holding=("replica lag is 60 s, the limit is 10 s",))
    assert [account.fire(minute) for minute in (5, 10, 15)] == [Action.HOLD] * 3
    assert account.records.reader_percent() == 10
    assert [name for name, _ in account.answers.calls] == ["heartbeat"] * 4
    account.gates = GateReport()
    assert account.fire(20) is Action.STEP
    assert account.records.reader_percent() == 100


def test_a_broken_gate_takes_the_reads_back_and_fails_the_token(account: Account) -> None:
    account.start()
    account.fire(0)
    account.gates = GateReport(broken=("the reader endpoint does not answer",))
    assert account.fire(5) is Action.BREAK
    assert account.records.reader_percent() == 0
    error, cause = account.answers.calls[-1][1]
    assert (error, cause) == ("GateBroken", "The read shift was stopped: the reader endpoint does not answer.")
    assert account.schedule_names == []
    account.gates = GateReport()
    assert account.fire(10) is Action.IGNORE
    assert account.records.reader_percent() == 0


def test_nobody_waits_any_more(account: Account) -> None:
    account.start()
    account.answers.waiting = False
    account.fire(0)
    assert account.schedule_names == []


def test_a_new_generation_goes_on_where_the_old_one_was(account: Account) -> None:
    account.start()
    account.fire(0)
    assert account.start("another token") == 2
    assert account.schedule_names == ["crossfade-reads-orders-1f0c9a2b-2"]
    assert account.fire(5, generation=1) is Action.IGNORE
    assert account.fire(5, generation=2) is Action.STEP
    assert account.records.reader_percent() == 100


def test_restoring_twice_and_a_firing_after_it(account: Account) -> None:
    account.start()
    account.fire(0)
    for _ in range(2):
        read_shifting.restore(PLAN.migration_id, account.ledger, account.schedules, account.records)
        assert (account.records.reader_percent(), account.schedule_names) == (0, [])
    assert account.fire(5) is Action.IGNORE
    assert account.records.reader_percent() == 0


def test_restoring_without_a_shift_is_fine(account: Account) -> None:
    assert read_shifting.restore(PLAN.migration_id, account.ledger, account.schedules, account.records) is None


def test_a_paused_shift_only_says_that_it_lives(account: Account) -> None:
    account.start()
    account.ledger.update(PLAN.migration_id, {"context": {}})
    account.fire(0)
    read_shifting.pause(account.ledger, PLAN.migration_id)
    account.gates = GateReport(broken=("what it was paused for",))
    assert [account.fire(minute) for minute in (5, 10)] == [Action.REST] * 2
    assert account.records.reader_percent() == 10
    account.gates = GateReport()
    read_shifting.resume(account.ledger, PLAN.migration_id)
    assert account.fire(15) is Action.STEP
    assert [name for name, _ in account.answers.calls] == ["heartbeat"] * 3 + ["success"]


def test_a_retry_of_a_paused_shift_stays_paused(account: Account) -> None:
    account.start()
    account.ledger.update(PLAN.migration_id, {"context": {}})
    account.fire(0)
    read_shifting.pause(account.ledger, PLAN.migration_id)
    assert account.start("another token") == 2
    assert account.fire(5, generation=2) is Action.REST


def test_a_firing_delivers_an_abort_that_got_no_further_than_the_ledger(account: Account) -> None:
    account.start()
    account.fire(0)
    account.ledger.update(PLAN.migration_id, {"abort": {"by": "ada", "reason": "Friday", "at": ""}})
    assert account.fire(5) is Action.ABORT
    assert account.records.reader_percent() == 10
    assert account.answers.calls[-1] == ("failure", ("AbortRequested", "ada asked to stop the migration: Friday"))


def test_a_break_that_a_faster_firing_overtook_takes_no_reads_back(account: Account) -> None:
    account.start()
    account.fire(0)

    def look(_: datetime) -> GateReport:
        assert account.fire(5) is Action.STEP
        account.answers.waiting = False
        return GateReport(broken=("the reader endpoint does not answer",))

    stepper = Stepper(account.ledger, account.records, account.schedules, Executions(account.answers), look)  # type: ignore[arg-type]
    slow = Firing(PLAN.migration_id, 1, (NOW + timedelta(minutes=4)).isoformat())
    stepper.step(slow, NOW + timedelta(minutes=5))
    assert account.records.reader_percent() == 100


def test_a_schedule_that_an_aborted_migration_has_left_ends_itself(account: Account) -> None:
    account.start()
    account.ledger.update(PLAN.migration_id, {"abort": {"by": "the guard", "reason": "stopped", "at": "now"}})
    account.answers.waiting = False
    assert account.fire(0) is Action.ABORT
    assert account.schedule_names == []
