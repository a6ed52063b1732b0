"""The writer never has two sides and no name is ever without one, whatever order the steps come in."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration import weights
from migration.errors import StateDrifted
from migration.weights import RecordSet, Side, Weights

NAME, SOURCE_HOST, TARGET_HOST = "orders.example.internal", "Source.rds.example", "target.rds.example"
SIMPLE: RecordSet = {"Name": NAME, "Type": "CNAME", "TTL": 300, "ResourceRecords": [{"Value": SOURCE_HOST}]}


def applied(records: list[RecordSet], changes: list[dict[str, Any]]) -> list[RecordSet]:
    zone = {record.get("SetIdentifier"): record for record in records}
    for change in changes:
        record = change["ResourceRecordSet"]
        identifier = record.get("SetIdentifier")
        if change["Action"] == "DELETE":
            assert zone.pop(identifier) == record
        else:
            assert change["Action"] == "UPSERT" or identifier not in zone
            zone[identifier] = record
    return list(zone.values())


def published(records: list[RecordSet]) -> dict[str, int]:
    return {record["SetIdentifier"]: record["Weight"] for record in records}


def weighted_pair() -> list[RecordSet]:
    records = applied([SIMPLE], weights.weighting_changes(NAME, [SIMPLE], SOURCE_HOST))
    return applied(records, weights.target_changes(NAME, records, TARGET_HOST))


def test_simple_record_becomes_weighted_and_comes_back() -> None:
    records = weighted_pair()
    assert published(records) == {"crossfade-source": 100, "crossfade-target": 0}
    assert applied(records, weights.restoring_changes(NAME, records, SIMPLE)) == [SIMPLE]


def test_every_step_done_again_changes_nothing() -> None:
    records = weighted_pair()
    assert weights.weighting_changes(NAME, records, SOURCE_HOST) == []
    assert weights.target_changes(NAME, records, TARGET_HOST) == []
    assert weights.writer_changes(NAME, records, Side.SOURCE) == []
    assert weights.reader_changes(NAME, records, 0) == []
    assert weights.restoring_changes(NAME, [SIMPLE], SIMPLE) == []


def test_flip_is_one_batch_of_two_records() -> None:
    records = weighted_pair()
    changes = weights.writer_changes(NAME, records, Side.TARGET)
    assert [(c["Action"], c["ResourceRecordSet"]["Weight"]) for c in changes] == [("UPSERT", 0), ("UPSERT", 100)]
    assert weights.target_percent(applied(records, changes)) == 100


@given(st.lists(st.sampled_from(Side), max_size=12))
def test_writer_has_exactly_one_side_after_any_steps(sides: list[Side]) -> None:
    records = weighted_pair()
    for side in sides:
        records = applied(records, weights.writer_changes(NAME, records, side))
        assert sorted(published(records).values()) == [0, 100]


@given(st.lists(st.integers(0, 100), max_size=12))
def test_reader_weights_always_add_up_to_100(percents: list[int]) -> None:
    records = weighted_pair()
    for percent in percents:
        records = applied(records, weights.reader_changes(NAME, records, percent))
        assert published(records) == {"crossfade-source": 100 - percent, "crossfade-target": percent}


@given(st.integers(-300, 300), st.integers(-300, 300))
def test_weights_that_are_no_percentages_cannot_be_made(source: int, target: int) -> None:
    if source + target == 100 and 0 <= target <= 100:
        assert Weights(source, target).target == target
    else:
        with pytest.raises(ValueError, match="add up to 100"):
            Weights(source, target)


@pytest.mark.parametrize(
    "records",
    [
        [],
        [{**SIMPLE, "Type": "A"}],
        [{**SIMPLE, "ResourceRecords": [{"Value": "other.example"}]}],
        [SIMPLE, {**SIMPLE, "Type": "TXT"}],
    ],
)
def test_a_name_that_is_not_one_cname_to_the_source_is_refused(records: list[RecordSet]) -> None:
    with pytest.raises(StateDrifted, match="not one simple CNAME"):
        weights.weighting_changes(NAME, records, SOURCE_HOST)


def test_records_changed_by_hand_are_noticed() -> None:
    source_only = applied([SIMPLE], weights.weighting_changes(NAME, [SIMPLE], SOURCE_HOST))
    with pytest.raises(StateDrifted, match="not both"):
        weights.writer_changes(NAME, source_only, Side.TARGET)
    with pytest.raises(StateDrifted, match="points to"):
        weights.target_changes(NAME, weighted_pair(), "another.example")
    with pytest.raises(StateDrifted, match="no record"):
        weights.target_changes(NAME, [SIMPLE], TARGET_HOST)
    with pytest.raises(StateDrifted, match="not ours"):
        weights.restoring_changes(NAME, [*source_only, {**SIMPLE, "SetIdentifier": "x"}], SIMPLE)
