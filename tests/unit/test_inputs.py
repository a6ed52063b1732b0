"""The execution's input: what is accepted, and the sentence for what is not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.errors import MigrationBlocked
from migration.inputs import parse_input
from migration.model import Options


def refusal(**changes: Any) -> str:
    with pytest.raises(MigrationBlocked) as caught:
        parse_input({"source": "orders-db", **changes})
    return str(caught.value)


def test_a_source_is_enough() -> None:
    asked = parse_input({"source": "orders-db"})
    assert asked.source == "orders-db"
    assert asked.options == Options()
    assert asked.target.min_acu is None


def test_everything_an_operator_may_say() -> None:
    asked = parse_input(
        {
            "source": "orders-db",
            "mode": "dry-run",
            "approval": "automatic",
            "readShift": {"steps": [50, 100], "intervalMinutes": 10},
            "bakeDays": 14,
            "maxLagSeconds": 5,
            "stallBudgetMs": 2000,
            "target": {"minAcu": 2, "maxAcu": 16.5, "engineVersion": "18.6", "backupRetentionDays": 14},
        }
    )
    assert (asked.options.mode, asked.options.approval, asked.options.bake_days) == ("dry-run", "automatic", 14)
    assert (asked.options.read_shift.steps, asked.options.read_shift.interval_minutes) == ([50, 100], 10)
    assert (asked.target.min_acu, asked.target.max_acu, asked.target.engine_version) == (2.0, 16.5, "18.6")


@pytest.mark.parametrize("value", [None, 7, "Orders DB", "-orders", "orders--db", "orders-"])
def test_a_source_must_be_a_name(value: Any) -> None:
    assert "source is missing or not a name" in refusal(source=value)


@pytest.mark.parametrize("value", ["orders-db", None, ["orders-db"]])
def test_the_input_must_be_an_object(value: Any) -> None:
    with pytest.raises(MigrationBlocked, match="the input must be a JSON object"):
        parse_input(value)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"bakedays": 3}, "the input has unknown keys bakedays: the known ones are approval, bakeDays"),
        ({"readShift": {"pause": 3}}, "readShift has unknown keys pause"),
        ({"target": {"instances": 3}}, "target has unknown keys instances"),
        ({"mode": "try"}, "mode is 'try': give migrate or dry-run."),
        ({"approval": True}, "approval is True: give manual or automatic."),
        ({"bakeDays": 31}, "bakeDays is 31: give a whole number from 0 to 30."),
        ({"bakeDays": True}, "bakeDays is True"),
        ({"maxLagSeconds": 0.5}, "maxLagSeconds is 0.5"),
        ({"stallBudgetMs": 100}, "stallBudgetMs is 100: give a whole number from 500 to 60000."),
        ({"readShift": {"intervalMinutes": 0}}, "readShift.intervalMinutes is 0"),
        ({"readShift": {"steps": list(range(1, 101)), "intervalMinutes": 90}}, "from 1 to 60"),
        ({"target": {"minAcu": 0.7}}, "target.minAcu is 0.7: give ACU from 0.5 to 256 in steps of 0.5."),
        ({"target": {"minAcu": 8, "maxAcu": 4}}, "target.minAcu 8 is above target.maxAcu 4"),
        ({"target": {"engineVersion": 16}}, "target.engineVersion is not a version"),
        ({"target": {"clusterId": "Orders_Aurora"}}, "target.clusterId is no cluster name"),
        ({"target": {"backupRetentionDays": 0}}, "target.backupRetentionDays is 0"),
    ],
)
def test_each_mistake_has_its_sentence(changes: dict[str, Any], said: str) -> None:
    assert said in refusal(**changes)


@pytest.mark.parametrize("steps", [[], [100, 100], [50, 10, 100], [10, 50], [0, 100], [10, 101], [10.5, 100], "100"])
def test_weights_must_rise_to_100(steps: Any) -> None:
    assert "give whole percentages that rise and end with 100" in refusal(readShift={"steps": steps})


def test_all_mistakes_are_told_at_once() -> None:
    said = refusal(mode="try", bakeDays=99, readShift={"steps": [1]})
    assert said.count(": give") == 3


@given(st.sets(st.integers(1, 99), max_size=20))
def test_any_rising_steps_to_100_are_accepted(steps: set[int]) -> None:
    rising = [*sorted(steps), 100]
    assert parse_input({"source": "a", "readShift": {"steps": rising}}).options.read_shift.steps == rising


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
KEYS = ("source", "mode", "approval", "readShift", "bakeDays", "maxLagSeconds", "stallBudgetMs", "target")


@given(st.dictionaries(st.sampled_from(KEYS), JSON) | JSON)
def test_whatever_json_comes_is_parsed_or_refused_by_name(value: Any) -> None:
    try:
        parse_input(value)
    except MigrationBlocked as refused:
        assert str(refused).endswith(".")  # noqa: PT017
