"""A firing of the read shift counts at most once, and the weights only rise while every gate holds."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.read_shift import (
    GRACE_FIRINGS,
    Action,
    Firing,
    GateReport,
    ShiftState,
    decide,
    irrelevance,
)

START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STATE = ShiftState("token", 2, [1, 5, 10, 25, 50, 100], 5)
LAGGING = GateReport(holding=("replica lag is 60 s, the limit is 10 s",))


def firing(minute: int, generation: int = 2) -> Firing:
    return Firing("orders-db-1f0c9a2b", generation, (START + timedelta(minutes=minute)).isoformat())


def test_the_first_firing_of_the_running_generation_counts() -> None:
    assert irrelevance(STATE, firing(0), START) is None


@pytest.mark.parametrize(
    ("state", "given", "at_minute", "reason"),
    [
        (None, firing(0), 0, "no read shift is running"),
        (dataclasses.replace(STATE, state="restored"), firing(0), 0, "no read shift is running"),
        (STATE, firing(0, generation=1), 0, "generation 1 is over, 2 is running"),
        (STATE, firing(0, generation=3), 0, "generation 3 is over, 2 is running"),
        (dataclasses.replace(STATE, last_scheduled_time=firing(5).scheduled_time), firing(5), 5, "handled already"),
        (dataclasses.replace(STATE, last_scheduled_time=firing(5).scheduled_time), firing(0), 5, "handled already"),
        (STATE, firing(0), 6, "older than one interval"),
    ],
)
def test_firings_that_do_nothing(state: ShiftState | None, given: Firing, at_minute: int, reason: str) -> None:
    found = irrelevance(state, given, START + timedelta(minutes=at_minute))
    assert found is not None
    assert reason in found


def test_the_time_in_schedulers_own_form_is_understood() -> None:
    assert irrelevance(STATE, Firing("m", 2, "2026-11-23T12:00:00Z"), START) is None


def test_a_passing_lag_holds_and_a_lasting_one_breaks() -> None:
    state = dataclasses.replace(STATE, weight=10)
    for held in range(GRACE_FIRINGS):
        decision = decide(dataclasses.replace(state, held=held), LAGGING)
        assert (decision.action, decision.weight) == (Action.HOLD, 10)
    decision = decide(dataclasses.replace(state, held=GRACE_FIRINGS), LAGGING)
    assert (decision.action, decision.weight) == (Action.BREAK, 0)
    assert decision.reason.endswith(f"for {GRACE_FIRINGS + 1} firings in a row")


def test_a_broken_gate_breaks_at_once() -> None:
    decision = decide(STATE, GateReport(broken=("the cluster is stopped",)))
    assert (decision.action, decision.weight, decision.reason) == (Action.BREAK, 0, "the cluster is stopped")


@given(st.lists(st.integers(1, 99), unique=True, max_size=6).map(sorted))
def test_every_step_is_taken_once_and_the_last_is_100(steps: list[int]) -> None:
    state, weights = dataclasses.replace(STATE, steps=[*steps, 100]), []
    while state.weight < 100:
        state = dataclasses.replace(state, weight=decide(state, GateReport()).weight)
        weights.append(state.weight)
    assert weights == [*steps, 100]


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 3)), max_size=40))
def test_any_order_of_deliveries_only_moves_forward(deliveries: list[tuple[int, int]]) -> None:
    """Duplicates and late ones change nothing: each counted firing is newer than the one before."""
    state = STATE
    for minute, generation in deliveries:
        given_firing = firing(minute, generation)
        if irrelevance(state, given_firing, START + timedelta(minutes=minute)) is None:
            assert generation == STATE.generation
            assert given_firing.scheduled_time > state.last_scheduled_time
            weight = decide(state, GateReport()).weight
            assert weight >= state.weight
            state = dataclasses.replace(state, weight=weight, last_scheduled_time=given_firing.scheduled_time)
