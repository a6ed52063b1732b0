"""A stopped execution is followed by one that takes over, once, and goes on where the ledger says (moto)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from events import undo_stopped
from migration import clients
from migration.endings import parse_ending
from migration.errors import MigrationBlocked
from migration.ledger import Claim, Ledger
from migration.model import migration_id_for
from migration.recall import next_state, recall
from tasks import recall_migration

AT = "2026-11-23T20:00:00+00:00"
ROLE = "arn:aws:iam::123456789012:role/machine"
WAITING = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 9999, "End": True}}}
FENCED = {"state": "fencing", "roles": ["app"], "database": "orders", "at": 1.5}
UNFENCED = {**FENCED, "state": "unfenced"}
SHIFTING = {"state": "running", "generation": 2}
CUT_OVER = {"stallMs": 80, "at": AT}
ASKED_BACK = {"attempt": 2, "by": "ann", "reason": "slow queries", "at": AT}


@dataclass
class Stopped:
    """A migration whose execution is about to be stopped."""

    ledger: Ledger
    machine_arn: str
    execution_arn: str = ""

    def begin(self, **known: Any) -> None:
        """An execution has claimed the source, and the ledger knows this besides."""
        self.execution_arn = self.start({"source": "orders"})
        plan = {"source": {"name": "orders"}, "migrationId": self.migration_id, "executionArn": self.execution_arn}
        self.ledger.claim("orders", Claim(self.migration_id, self.execution_arn, AT))
        self.ledger.update(self.migration_id, {"context": {"plan": plan}, **known})

    def start(self, given: dict[str, Any]) -> str:
        client = boto3.client("stepfunctions")
        return str(client.start_execution(stateMachineArn=self.machine_arn, input=json.dumps(given))["executionArn"])

    def stop(self, execution_arn: str = "", *, tells_input: bool = True) -> dict[str, Any]:
        """Stops it; the event that EventBridge brings."""
        client, arn = boto3.client("stepfunctions"), execution_arn or self.execution_arn
        client.stop_execution(executionArn=arn)
        found = client.describe_execution(executionArn=arn)
        stopped_at = round(found["stopDate"].timestamp() * 1000)
        detail = {"executionArn": arn, "status": "ABORTED", "stopDate": stopped_at}
        return {"detail": {**detail, "input": found["input"] if tells_input else None}}

    def successors(self) -> list[str]:
        found = boto3.client("stepfunctions").list_executions(stateMachineArn=self.machine_arn)["executions"]
        return [each["executionArn"] for each in found if each["name"].startswith("undo-")]

    def take_over(self) -> str:
        """The execution is stopped; the one that takes over."""
        assert undo_stopped.handler(self.stop(), None) == {"started": True}
        [arn] = self.successors()
        return arn

    def recall(self, execution_arn: str) -> dict[str, Any]:
        return recall_migration.handler({"undo": self.migration_id, "executionArn": execution_arn}, None)

    @property
    def migration_id(self) -> str:
        return migration_id_for("orders", self.execution_arn)


@pytest.fixture
def stopped(monkeypatch: pytest.MonkeyPatch) -> Iterator[Stopped]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    doors: list[Any] = [clients.dynamodb, clients.stepfunctions, clients.scheduler]
    with mock_aws():
        for door in doors:
            door.cache_clear()
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        boto3.client("scheduler").create_schedule_group(Name="crossfade")
        machine = boto3.client("stepfunctions").create_state_machine(
            name="crossfade-migrate", definition=json.dumps(WAITING), roleArn=ROLE
        )
        for name, value in {
            "TABLE": "ledger",
            "STATE_MACHINE_ARN": machine["stateMachineArn"],
            "SCHEDULE_GROUP": "crossfade",
            "SCHEDULER_ROLE_ARN": ROLE,
            "SCHEDULE_DLQ_ARN": "arn:aws:sqs:us-east-1:123456789012:dlq",
        }.items():
            monkeypatch.setenv(f"CROSSFADE_{name}", value)
        yield Stopped(Ledger(boto3.client("dynamodb"), "ledger"), machine["stateMachineArn"])
    for door in doors:
        door.cache_clear()


def test_nothing_is_known_of_an_execution_stopped_in_its_assessment(stopped: Stopped) -> None:
    stopped.execution_arn = stopped.start({"source": "orders"})
    assert undo_stopped.handler(stopped.stop(), None) == {"started": False}
    assert stopped.successors() == []


@pytest.mark.parametrize("stage", ["RolledBack", "Complete"])
def test_nothing_is_left_of_a_migration_that_is_over(stopped: Stopped, stage: str) -> None:
    stopped.begin(stage=stage)
    assert undo_stopped.handler(stopped.stop(), None) == {"started": False}


def test_an_ending_told_twice_starts_one_execution(stopped: Stopped) -> None:
    stopped.begin()
    event = stopped.stop()
    assert undo_stopped.handler(event, None) == {"started": True}
    assert undo_stopped.handler(event, None) == {"started": True}
    [successor] = stopped.successors()
    assert successor == parse_ending(event["detail"], event["detail"]["input"]).successor_arn
    stopped.recall(successor)
    assert undo_stopped.handler(event, None) == {"started": False}
    boto3.client("stepfunctions").stop_execution(executionArn=successor)
    assert undo_stopped.handler(event, None) == {"started": False}
    assert stopped.successors() == [successor]


def test_an_event_without_input_is_completed(stopped: Stopped) -> None:
    stopped.begin()
    assert undo_stopped.handler(stopped.stop(tells_input=False), None) == {"started": True}


def test_an_undo_that_was_stopped_is_followed_too(stopped: Stopped) -> None:
    stopped.begin(fence=FENCED)
    first = stopped.take_over()
    assert stopped.recall(first)["recalled"] == {"next": "UnfenceSource"}
    assert undo_stopped.handler(stopped.stop(first), None) == {"started": True}
    [second] = set(stopped.successors()) - {first}
    assert stopped.recall(second)["recalled"] == {"next": "UnfenceSource"}
    assert stopped.ledger.read(stopped.migration_id)["takenOverBy"] == second


@pytest.mark.parametrize(
    ("status", "error", "asked", "follows"),
    [
        ("ABORTED", None, '{"source": "orders"}', True),
        ("TIMED_OUT", None, '{"undo": "orders-1f0c9a2b"}', True),
        ("FAILED", "States.Runtime", '{"source": "orders"}', True),
        ("FAILED", "States.DataLimitExceeded", '{"source": "orders"}', True),
        ("FAILED", "States.Runtime", '{"undo": "orders-1f0c9a2b"}', False),
        ("FAILED", "StateDrifted", '{"source": "orders"}', False),
        ("FAILED", "MigrationRolledBack", '{"source": "orders"}', False),
        ("SUCCEEDED", None, '{"source": "orders"}', False),
        ("ABORTED", None, "no JSON", True),
    ],
)
def test_which_endings_are_stops(status: str, error: str | None, asked: str, follows: bool) -> None:  # noqa: FBT001
    assert parse_ending({"executionArn": "arn:e", "status": status, "error": error}, asked).was_stopped is follows


@pytest.mark.parametrize(
    ("known", "following"),
    [
        ({}, "StopReplication"),
        ({"preparation": {}}, "StopReplication"),
        ({"readShift": SHIFTING}, "RestoreReads"),
        ({"readShift": {**SHIFTING, "state": "done"}}, "RestoreReads"),
        ({"readShift": {**SHIFTING, "state": "restored"}}, "StopReplication"),
        ({"readShift": SHIFTING, "fence": FENCED}, "UnfenceSource"),
        ({"readShift": SHIFTING, "fence": UNFENCED}, "RestoreReads"),
        ({"fence": {**FENCED, "state": "fenced"}, "cutOver": CUT_OVER}, "FinishCutOver"),
        ({"cutOver": CUT_OVER, "bake": {"ending": "completion"}}, "Complete"),
        ({"cutOver": CUT_OVER, "rollBack": ASKED_BACK}, "SwitchBack"),
        ({"cutOver": CUT_OVER, "bake": {"ending": "rollBack"}, "rollBack": ASKED_BACK}, "SwitchBack"),
        (
            {"cutOver": CUT_OVER, "rollBack": ASKED_BACK, "switchBack": {"fence": {"attempt": 1, "state": "unfenced"}}},
            "SwitchBack",
        ),
        (
            {"cutOver": CUT_OVER, "rollBack": ASKED_BACK, "switchBack": {"fence": {"attempt": 2, "state": "unfenced"}}},
            "FinishCutOver",
        ),
    ],
)
def test_it_goes_on_where_the_ledger_says(known: dict[str, Any], following: str) -> None:
    assert next_state(known) == following


@pytest.mark.parametrize("known", [{"fence": FENCED}, {"cutOver": CUT_OVER}])
def test_the_successor_has_claim_context_and_ledger(stopped: Stopped, known: dict[str, Any]) -> None:
    stopped.begin(**known)
    successor = stopped.take_over()
    state = stopped.recall(successor)
    assert state["plan"]["executionArn"] == successor
    assert state.get("cutOver") == known.get("cutOver")
    assert stopped.recall(successor) == state
    remembered = stopped.ledger.read(stopped.migration_id)
    assert remembered["context"]["plan"]["executionArn"] == remembered["takenOverBy"] == successor
    assert ("abort" in remembered) is ("fence" in known)
    holder = stopped.ledger.holder("orders")
    assert holder is not None
    assert (holder.migration_id, holder.execution_arn) == (stopped.migration_id, successor)


def test_the_reason_is_the_operators_where_there_is_one(stopped: Stopped) -> None:
    stopped.begin(abort={"by": "ann", "reason": "wrong day", "at": AT})
    assert stopped.recall(stopped.take_over())["failure"]["Cause"] == "ann asked to stop the migration: wrong day"
    assert stopped.ledger.read(stopped.migration_id)["abort"]["by"] == "ann"


def test_schedules_of_the_stopped_execution_are_deleted(stopped: Stopped) -> None:
    stopped.begin(readShift=SHIFTING)
    scheduler, id_ = boto3.client("scheduler"), stopped.migration_id
    target: Any = {"Arn": "arn:aws:lambda:us-east-1:123456789012:function:f", "RoleArn": ROLE}
    kept = f"crossfade-remind-{id_}"
    for name in (f"crossfade-reads-{id_}-2", f"crossfade-bake-{id_}", f"crossfade-reverse-{id_}", kept):
        scheduler.create_schedule(
            Name=name,
            GroupName="crossfade",
            ScheduleExpression="rate(1 minute)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target=target,
        )
    stopped.recall(stopped.take_over())
    assert [each["Name"] for each in scheduler.list_schedules(GroupName="crossfade")["Schedules"]] == [kept]


def test_a_living_migration_is_not_taken_over(stopped: Stopped) -> None:
    stopped.begin()
    other = stopped.start({"undo": stopped.migration_id})
    with pytest.raises(MigrationBlocked, match=f"is driven by {stopped.execution_arn} already"):
        stopped.recall(other)
    assert "takenOverBy" not in stopped.ledger.read(stopped.migration_id)


def test_a_source_that_another_migration_has_is_left_to_it(stopped: Stopped) -> None:
    stopped.begin()
    successor = stopped.take_over()
    stopped.ledger.release("orders", stopped.migration_id)
    stopped.ledger.claim("orders", Claim("orders-ffffffff", "arn:other", AT))
    with pytest.raises(MigrationBlocked, match="belongs to orders-ffffffff"):
        stopped.recall(successor)


def test_an_unknown_migration_and_one_that_is_over_are_refused(stopped: Stopped) -> None:
    with pytest.raises(MigrationBlocked, match="knows no migration orders-12345678"):
        recall_migration.handler({"undo": "orders-12345678", "executionArn": "arn:x"}, None)
    stopped.begin(stage="Complete")
    with pytest.raises(MigrationBlocked, match="is complete"):
        stopped.recall("arn:x")


class RacingLedger(Ledger):
    """CutOver, still at work, writes its journal just before the first change of the one that takes over."""

    raced = False

    def update(self, migration_id: str, changes: Any, *, expect: Any = None) -> bool:
        if "takenOverBy" in changes and not self.raced:
            self.raced = True
            super().update(migration_id, {"fence": FENCED}, expect={"abort": None})
        return super().update(migration_id, changes, expect=expect)


def test_a_fence_raised_meanwhile_is_seen(stopped: Stopped) -> None:
    stopped.begin(readShift={**SHIFTING, "state": "done"})
    successor = stopped.take_over()
    ledger = RacingLedger(boto3.client("dynamodb"), "ledger")
    state = recall(stopped.migration_id, successor, ledger, lambda _: False, datetime.now(UTC))
    assert state["recalled"] == {"next": "UnfenceSource"}
    # And from now on no journal can be written any more.
    assert not ledger.update(stopped.migration_id, {"fence": FENCED}, expect={"abort": None})
