"""The scaling model follows its sources, and the schedule built on it prices hours as it says."""

from __future__ import annotations

import dataclasses
import datetime as dt

import numpy as np
import pytest

from migration.capacity_history import load_history
from migration.capacity_schedule import HourlyOutlook, candidate_levels, cheapest_schedule, day_weights, is_month_end
from migration.scaling_model import Floats, Lanes, Replay, on_grid, replay
from tests.unit.capacity_samples import NOW, days_of, samples_of


def run(loads: list[float], low: float = 0.5, high: float = 128.0) -> Replay:
    load = np.array(loads)[:, None]
    lanes = Lanes.settled(load[0], np.array([low]), np.array([high]))
    return replay(lanes, load, np.full_like(load, low), np.full_like(load, high))


def test_grid_rounds_up_to_halves() -> None:
    assert on_grid(np.array([0.1, 0.5, 0.51, 3.0])).tolist() == [0.5, 0.5, 1.0, 3.0]


def test_a_settled_load_stays_at_three_quarters_use() -> None:
    assert run([30.0] * 5).capacity_mean[:, 0].tolist() == [40.0] * 5


def test_capacity_stays_inside_the_range() -> None:
    result = run([0.1, 100.0, 100.0, 0.1], low=4.0, high=16.0)

    assert result.capacity_peak.max() <= 16.0
    assert result.capacity_mean.min() >= 4.0


def test_growth_doubles_every_minute_so_a_higher_min_meets_a_burst_sooner() -> None:
    low, high = (run([0.3] * 12 + [60.0] * 12, low=m).violation_minutes.sum() for m in (0.5, 16.0))

    assert 4 <= low <= 6
    assert 1 <= high <= 3


def test_scale_down_waits_and_then_halves_every_three_minutes() -> None:
    mean = run([30.0] * 3 + [0.3] * 6).capacity_mean[:, 0]

    assert mean[3] > 30.0
    assert mean[5] == pytest.approx(mean[4] / 2 ** (300 / 180), rel=0.02)


def test_lanes_do_not_disturb_each_other() -> None:
    loads = np.array([[1.0, 30.0], [50.0, 30.0], [2.0, 30.0]])
    lanes = Lanes.settled(loads[0], np.full(2, 0.5), np.full(2, 128.0))
    together = replay(lanes, loads, np.full_like(loads, 0.5), np.full_like(loads, 128.0))

    assert together.acu_hours[:, 0].tolist() == run([1.0, 50.0, 2.0]).acu_hours[:, 0].tolist()


def view_of(minutes_at_low: Floats) -> HourlyOutlook:
    levels = np.array([0.5, 8.0, 32.0])
    hours = np.tile(levels, (24, 1))
    return HourlyOutlook(levels, hours, np.outer(minutes_at_low, [1.0, 0.4, 0.0]))


def test_the_min_rises_where_a_minute_is_cheapest_to_save() -> None:
    minutes = np.zeros(24)
    minutes[[9, 17]] = [10.0, 1.0]
    schedule = cheapest_schedule(view_of(minutes), promised_minutes=2.0)

    assert schedule[9] == 32.0
    assert schedule[17] == 0.5
    assert set(np.delete(schedule, [9, 17])) == {0.5}


def test_a_promise_out_of_reach_gives_the_safest_schedule() -> None:
    view = view_of(np.full(24, 60.0))

    assert cheapest_schedule(view, promised_minutes=0.0).tolist() == [32.0] * 24


def test_candidates_hold_floor_and_ceiling() -> None:
    assert candidate_levels(2.0, 2.0, np.zeros(3)).tolist() == [2.0]
    levels = candidate_levels(11.5, 73.5, np.full(3, 27.0))
    assert (levels[0], levels[-1]) == (11.5, 73.5)
    assert 30.0 in levels


def test_days_of_the_same_season_count_more() -> None:
    weights = day_weights(load_history(samples_of(days_of(1.0, 28)), 64.0, NOW))

    assert weights.sum() == pytest.approx(1.0)
    assert weights[-7] > weights[-6]
    assert [is_month_end(dt.datetime(2026, 11, day, tzinfo=dt.UTC)) for day in (1, 2, 28, 29, 30)] == [
        True,
        False,
        False,
        True,
        True,
    ]


@pytest.mark.parametrize("every", [1, 6])
def test_half_hourly_points_count_as_measured(every: int) -> None:
    history = load_history(samples_of(days_of(5.0, 4))[::every], 64.0, NOW)

    assert history.days == 4
    assert history.coverage == 1.0
    assert np.allclose(history.envelope, 5.0)


def test_minute_points_are_averaged_into_their_slot() -> None:
    points = samples_of([1.0, 3.0] * 144)
    squeezed = [points[0], dataclasses.replace(points[1], at=points[0].at + dt.timedelta(minutes=2))]

    assert load_history([*squeezed, *points[2:]], 64.0, NOW).envelope[0, 0] == pytest.approx(2.0)


def test_a_hole_is_marked_and_bridged() -> None:
    points = samples_of(days_of(5.0, 4))
    history = load_history(points[:288] + points[288 + 60 :], 64.0, NOW)

    assert not history.known.all()
    assert np.allclose(history.envelope, 5.0)
