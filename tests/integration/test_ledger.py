"""The ledger on DynamoDB (moto): every change is conditional."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws

from migration.ledger import Claim, Ledger, _Change, _plain
from tests.integration.task_account import ENVIRONMENT

FIRST, SECOND = (
    Claim(f"orders-{n}", f"arn:execution:{n}", datetime(2026, 11, 23, tzinfo=UTC).isoformat()) for n in "12"
)


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)
    with mock_aws():
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        yield Ledger(client, "ledger")


def test_a_claim_is_taken_once_found_again_and_given_back(ledger: Ledger) -> None:
    assert ledger.holder("orders") is None
    assert ledger.claim("orders", FIRST) == FIRST
    assert ledger.claim("orders", FIRST) == FIRST
    assert ledger.claim("orders", SECOND) == FIRST
    ledger.release("orders", SECOND.migration_id)
    assert ledger.holder("orders") == FIRST
    ledger.release("orders", FIRST.migration_id)
    ledger.release("orders", FIRST.migration_id)
    assert ledger.holder("orders") is None


def test_a_claim_is_taken_over_only_from_the_one_named(ledger: Ledger) -> None:
    ledger.claim("orders", FIRST)
    assert ledger.claim("orders", SECOND, instead_of=FIRST) == SECOND
    assert ledger.claim("orders", FIRST, instead_of=FIRST) == SECOND


def test_what_is_remembered_comes_back(ledger: Ledger) -> None:
    value = {"records": {"w.x": {"TTL": 60, "Weight": 0}}, "names": ["a", "b"], "lag": 0.25, "done": False}
    assert ledger.read("orders-1") == {}
    assert ledger.update("orders-1", {"preparation": value, "generation": 0})
    assert ledger.read("orders-1") == {"preparation": value, "generation": 0}
    ledger.delete("orders-1")
    assert ledger.read("orders-1") == {}


def test_a_change_needs_what_it_expects(ledger: Ledger) -> None:
    assert ledger.update("orders-1", {"stage": "one"}, expect={"stage": None})
    assert not ledger.update("orders-1", {"stage": "again"}, expect={"stage": None})
    assert ledger.update("orders-1", {"stage": "two"}, expect={"stage": "one"})
    assert not ledger.update("orders-1", {"stage": "three"}, expect={"stage": "one"})
    assert ledger.read("orders-1") == {"stage": "two"}


def test_parts_are_changed_and_removed_by_path(ledger: Ledger) -> None:
    ledger.update("orders-1", {"fence": {"state": "fencing", "roles": ["a"]}})
    assert ledger.update("orders-1", {"fence.state": "fenced", "fence.roles": None}, expect={"fence.state": "fencing"})
    assert ledger.read("orders-1") == {"fence": {"state": "fenced"}}


JSON: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.text(max_size=8)
    | st.sampled_from([0.5, 1.25e-7, -3.75]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=5), inner, max_size=3),
    max_leaves=6,
)


@given(JSON.filter(lambda value: value is not None))
def test_any_json_value_survives_dynamodb(value: Any) -> None:
    from boto3.dynamodb.types import TypeDeserializer

    change = _Change({"a": value})
    assert _plain(TypeDeserializer().deserialize(change.values[":v0"])) == value
