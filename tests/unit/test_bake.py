"""The period of the bake: one end, whatever enters it again; and who may enter it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from migration import bake
from migration.bake import BakePeriod
from migration.errors import AbortRequested, RollBackRequested
from migration.ledger import Ledger
from migration.model import MigrationPlan, Options, Source, SourceSettings, Target
from migration.scheduler import Schedules, ScheduleSettings
from tests.unit.operated_migration import operated

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
END = "2026-11-30T12:00:00+00:00"
ID, OURS, THEIRS = "orders-1f0c9a2b", "arn:ours", "arn:theirs"
PLAN = MigrationPlan(
    ID,
    OURS,
    Source(
        "orders", SourceSettings("orders-db", "orders", "m", "a", "w", "r", "Z"), "arn:db", "postgres", "17.4",
        "db.m6g.large", "host", 5432, "subnets", [], [], "group", True, None, "admin", ["app"],
    ),
    Target("orders-aurora", "aurora-postgresql", "17.4", "aurora-postgresql17", 0.5, 8),
    Options(),
    "dms", "", "dms.t3.medium", [],
)  # fmt: skip


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with operated() as migration:
        yield migration.ledger


def period(ledger: Ledger) -> BakePeriod:
    settings = ScheduleSettings("crossfade", "arn:aws:iam::123456789012:role/scheduler", "arn:aws:sqs:::dlq")
    schedules = Schedules(boto3.client("scheduler"), settings)
    return BakePeriod(PLAN, OURS, ledger, schedules, "arn:aws:lambda:::finish", "arn:aws:lambda:::watch")


def remembered(ledger: Ledger) -> dict[str, Any]:
    return dict(ledger.read(ID)["bake"])


def test_it_lasts_as_long_as_the_plan_says(ledger: Ledger) -> None:
    assert period(ledger).begin("token", NOW) == {"taskToken": "token", "endsAt": END}
    assert remembered(ledger) == {"taskToken": "token", "endsAt": END}


def test_entered_again_it_ends_when_it_was_to(ledger: Ledger) -> None:
    period(ledger).begin("first", NOW)
    ledger.update(ID, {"bake.ending": "rollBack"})
    again = period(ledger).begin("second", NOW + timedelta(days=3))
    assert again == {"taskToken": "second", "endsAt": END} == remembered(ledger)


def test_a_roll_back_that_nobody_has_followed_is_followed(ledger: Ledger) -> None:
    period(ledger).begin("first", NOW)
    ledger.update(ID, {"bake.ending": "rollBack", "rollBack": {"attempt": 1, "by": "ann", "reason": "slow"}})
    with pytest.raises(RollBackRequested, match="ann asked to go back to the source: slow"):
        period(ledger).begin("second", NOW + timedelta(days=1))


def test_an_undone_roll_back_leaves_a_day_to_try_again(ledger: Ledger) -> None:
    period(ledger).begin("first", NOW)
    undone = {"fence": {"state": "unfenced", "attempt": 1}}
    asked = {"attempt": 1, "by": "ann", "reason": "slow"}
    ledger.update(ID, {"bake.ending": "rollBack", "rollBack": asked, "switchBack": undone})
    late = NOW + timedelta(days=8)
    again = period(ledger).begin("second", late)
    assert again == {"taskToken": "second", "endsAt": (late + timedelta(days=1)).isoformat(timespec="seconds")}


def test_a_decision_for_completion_stands(ledger: Ledger) -> None:
    period(ledger).begin("first", NOW)
    ledger.update(ID, {"bake.ending": "completion"})
    assert period(ledger).begin("second", NOW)["ending"] == "completion"


def test_time_that_is_up_while_nobody_waited_is_an_end(ledger: Ledger) -> None:
    period(ledger).begin("first", NOW)
    assert period(ledger).begin("second", NOW + timedelta(days=7))["ending"] == "completion"
    assert remembered(ledger)["ending"] == "completion"


def test_schedules_are_made_again_when_they_are_gone(ledger: Ledger) -> None:
    names = [f"crossfade-bake-{ID}", f"crossfade-reverse-{ID}"]
    client = boto3.client("scheduler")
    for _ in range(2):
        for _ in range(2):
            period(ledger).make_schedules(NOW + timedelta(days=7), NOW)
        assert sorted(item["Name"] for item in client.list_schedules(GroupName="crossfade")["Schedules"]) == names
        watch = client.get_schedule(GroupName="crossfade", Name=names[1])
        assert watch["ScheduleExpression"] == "rate(1 minute)"
        assert json.loads(watch["Target"]["Input"])["migrationId"] == ID
        for name in names:
            client.delete_schedule(GroupName="crossfade", Name=name)


def test_an_execution_that_was_replaced_must_not_bake(ledger: Ledger) -> None:
    bake.require_current(ledger, ID, OURS)
    ledger.update(ID, {"takenOverBy": THEIRS})
    bake.require_current(ledger, ID, THEIRS)
    with pytest.raises(AbortRequested, match="was taken over by arn:theirs"):
        bake.require_current(ledger, ID, OURS)


def test_one_that_is_replaced_while_it_settles_leaves_the_token_of_the_other(ledger: Ledger) -> None:
    ledger.update(ID, {"takenOverBy": THEIRS, "bake": {"taskToken": "theirs", "endsAt": END}})
    with pytest.raises(AbortRequested, match="was taken over by arn:theirs"):
        period(ledger).begin("ours", NOW)
    assert remembered(ledger)["taskToken"] == "theirs"
