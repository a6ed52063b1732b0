"""Which ends of an execution are news, and where the news comes from (moto)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from moto import mock_aws

from events.announce_outcome import handler
from migration import clients
from migration.endings import parse_ending
from migration.executions import Executions, Position
from migration.ledger import Claim, Ledger
from migration.model import migration_id_for
from migration.outcome import look

MACHINE = "arn:aws:states:us-east-1:123456789012:execution:crossfade-migrate"
ARN = f"{MACHINE}:e1"
ID = migration_id_for("orders", ARN)
DRY_RUN = {"source": "orders", "mode": "dry-run"}
PLAN = {"source": {"name": "orders"}, "target": {"clusterId": "orders-aurora"}, "executionArn": ARN}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    doors: list[Any] = [clients.dynamodb, clients.stepfunctions, clients.sns]
    with mock_aws():
        for door in doors:
            door.cache_clear()
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        monkeypatch.setenv("CROSSFADE_TABLE", "ledger")
        monkeypatch.setenv("CROSSFADE_TOPIC_ARN", boto3.client("sns").create_topic(Name="alerts")["TopicArn"])
        yield Ledger(clients.dynamodb(), "ledger")
    for door in doors:
        door.cache_clear()


def event(status: str, given: Any, arn: str = ARN, **more: Any) -> dict[str, Any]:
    text = given if isinstance(given, str) else json.dumps(given)
    return {"detail": {"executionArn": arn, "status": status, "input": text, "stopDate": 1795478400000, **more}}


def test_a_dry_run_that_ended_well_tells_nobody(ledger: Ledger) -> None:
    assert handler(event("SUCCEEDED", DRY_RUN), None) == {}


@pytest.mark.parametrize(
    ("told", "subject"),
    [
        (
            event("FAILED", {"source": "orders", "mode": "dry-run"}, error="MigrationRefused"),
            "orders: migration refused",
        ),
        (event("SUCCEEDED", {"source": "orders"}), "orders: migration succeeded"),
        (event("SUCCEEDED", '"dry-run"'), "unknown source: migration succeeded"),
        (event("SUCCEEDED", ""), "unknown source: migration succeeded"),
    ],
)
def test_every_other_end_is_told(ledger: Ledger, told: dict[str, Any], subject: str) -> None:
    assert handler(told, None) == {"subject": subject}


def test_an_undo_is_told_of_under_its_migration_and_source(ledger: Ledger) -> None:
    ledger.update(ID, {"context": {"plan": PLAN}, "stage": "RolledBack"})
    told = event("FAILED", {"undo": ID}, f"{MACHINE}:undo-{ID}-12345678", error="MigrationRolledBack", cause="asked")
    assert handler(told, None) == {"subject": "orders: migration rolled back"}


def test_a_failure_names_state_claim_and_writer(ledger: Ledger) -> None:
    ledger.update(ID, {"context": {"plan": PLAN}, "cutOver": {"stallMs": 1}, "preparation": {}})
    ledger.claim("orders", Claim(ID, ARN, "2026-11-23T20:00:00+00:00"))

    class Failed(Executions):
        def position(self, execution_arn: str) -> Position:
            return Position("Complete", datetime.now(UTC), "")

    told = event("FAILED", {"source": "orders"}, error="RetirementPending", cause="x")["detail"]
    body = look(parse_ending(told, told["input"]), ledger, Failed(clients.stepfunctions())).body
    assert "The state Complete has to succeed" in body
    assert "Aurora (orders-aurora) is the writer; orders is fenced." in body
    assert f"The source is claimed by {ARN}" in body
    assert f"redrive-execution --region us-east-1 --execution-arn {ARN}" in body
