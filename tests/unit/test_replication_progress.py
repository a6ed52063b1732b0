"""How far DMS is, as the state machine is told."""

from typing import Any

import pytest

from migration.errors import ReplicaLagging, StateDrifted
from migration.markers import Passage
from migration.replication_progress import require_loaded, require_low_lag, require_passage


def tables(*states: str) -> list[dict[str, Any]]:
    return [{"SchemaName": "s", "TableName": f"t{n}", "TableState": state} for n, state in enumerate(states)]


def test_all_loaded() -> None:
    assert require_loaded({"FullLoadProgressPercent": 100}, tables("Table completed", "Table completed")) == 2


@pytest.mark.parametrize(
    ("percent", "states", "said"),
    [
        (40, ("Table completed", "Full load"), "full load 40 %: 1 of 2 tables"),
        (100, ("Table completed", "Before load"), "full load 100 %: 1 of 2 tables"),
        (0, (), "full load 0 %: 0 of 0 tables"),
    ],
)
def test_progress_while_loading(percent: int, states: tuple[str, ...], said: str) -> None:
    with pytest.raises(ReplicaLagging, match=said):
        require_loaded({"FullLoadProgressPercent": percent}, tables(*states))


@pytest.mark.parametrize("state", ["Table error", "Table does not exist", "Table cancelled"])
def test_a_broken_table_is_named(state: str) -> None:
    with pytest.raises(StateDrifted, match=rf"1 of 2 tables: s\.t1 \({state}\)"):
        require_loaded({"FullLoadProgressPercent": 100}, tables("Table completed", state))


def test_unknown_lag_is_not_zero() -> None:
    with pytest.raises(ReplicaLagging, match="no lag metric yet"):
        require_low_lag(None, 10)


def test_lag_up_to_the_limit_passes() -> None:
    assert require_low_lag(10, 10) == 10
    with pytest.raises(ReplicaLagging, match="replica lag 11 s, the limit is 10 s"):
        require_low_lag(11, 10)


def test_a_marker_that_did_not_arrive() -> None:
    assert require_passage(Passage(0.01), 5) == 0.01
    with pytest.raises(ReplicaLagging, match="within 5 s"):
        require_passage(Passage(None), 5)
