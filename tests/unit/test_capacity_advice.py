"""The nightly advice, one behaviour a test."""

from __future__ import annotations

import dataclasses
import datetime as dt
import math

import pytest

from migration.capacity_advice import CapacityPolicy, advise
from migration.capacity_range import CapacityRange, Floors, first_range
from tests.unit.capacity_samples import NOW, daily_burst, days_of, samples_of

LIMITS = CapacityRange(0.5, 128.0)
WIDE = CapacityRange(0.5, 64.0)


def test_steady_load_keeps_the_max_and_a_low_min() -> None:
    advice = advise(samples_of(days_of(20.0, 7)), WIDE, LIMITS, NOW)

    assert advice.max_acu == 64.0
    assert "kept as a spending guard" in advice.max_reason
    assert max(advice.min_acu_by_hour) <= 20.0 / 0.75 / 8
    assert advice.confidence == "medium"
    assert advice.expected_acu_hours == pytest.approx(27.0 * 24, rel=0.01)
    assert advice.expected_cost == pytest.approx(advice.expected_acu_hours * 0.12)


def test_a_burst_that_keeps_its_hour_raises_the_min_around_that_hour() -> None:
    advice = advise(samples_of(daily_burst(9, days=7)), WIDE, LIMITS, NOW, policy=CapacityPolicy(violation_share=0.001))

    assert advice.min_acu_by_hour[9] >= 20.0
    assert advice.min_acu_by_hour[21] < advice.min_acu_by_hour[9]
    assert advice.expected_violation_minutes <= 1.44


def test_a_burst_that_happened_once_is_no_pattern() -> None:
    loads = days_of(1.0, 7)
    loads[400:406] = [40.0] * 6

    assert max(advise(samples_of(loads), WIDE, LIMITS, NOW).min_acu_by_hour) <= 1.0


def test_load_near_the_max_raises_it_by_at_most_a_factor() -> None:
    advice = advise(samples_of(days_of(60.0, 7)), WIDE, LIMITS, NOW)

    assert advice.max_acu == 80.0
    assert any("pending-reboot" in notice for notice in advice.notices)
    narrow = CapacityRange(0.5, 8.0)
    steps = advise(samples_of(days_of(30.0, 7), max_acu=8.0), narrow, LIMITS, NOW)
    assert steps.max_acu == 16.0


def test_one_point_near_the_max_is_noise() -> None:
    loads = days_of(10.0, 7)
    loads[1000] = 63.0

    assert advise(samples_of(loads), WIDE, LIMITS, NOW).max_acu == 64.0


def test_the_versions_limit_holds_the_max_and_says_so() -> None:
    advice = advise(samples_of(days_of(63.0, 7)), WIDE, CapacityRange(0.5, 64.0), NOW)

    assert advice.max_acu == 64.0
    assert "limit of this version" in advice.max_reason


@pytest.mark.parametrize(
    ("floors", "floor"),
    [
        (Floors(performance_insights=True), 2.0),
        (Floors(global_database=True), 8.0),
        (Floors(working_set_gib=23.0), 11.5),
        (Floors(postgres_connections=2500), 1.0),
        (Floors(reverse_replication=True), 0.5),
    ],
)
def test_floors_hold_and_the_reason_names_them(floors: Floors, floor: float) -> None:
    advice = advise(samples_of(days_of(0.3, 7)), WIDE, LIMITS, NOW, floors)

    assert advice.min_acu_by_hour == [floor] * 24
    assert floors.lowest()[1] in advice.min_reasons[0]


@pytest.mark.parametrize(
    ("samples", "words"),
    [
        ([], "no usable sample"),
        (samples_of([5.0]), "only 0.0 days"),
        (samples_of(days_of(5.0, 2)), "only 2.0 days"),
        (samples_of(days_of(5.0, 7), end=NOW - dt.timedelta(hours=5)), "the last sample is from"),
        ([s for s in samples_of(days_of(5.0, 7)) if s.at.hour < 14], "hours were measured"),
    ],
)
def test_thin_data_changes_nothing(samples: list[object], words: str) -> None:
    advice = advise(samples, WIDE, LIMITS, NOW)  # type: ignore[arg-type]

    assert not advice.changed
    assert words in advice.reason
    assert (advice.max_acu, advice.min_acu_by_hour) == (64.0, [0.5] * 24)
    assert advice.verdict is None


def test_a_freeze_changes_nothing() -> None:
    frozen = CapacityPolicy(freeze_reason="bake of migration m-1")
    advice = advise(samples_of(daily_burst(9, days=7)), WIDE, LIMITS, NOW, policy=frozen)

    assert not advice.changed
    assert "bake of migration m-1" in advice.reason


def test_a_schedule_in_force_is_kept_when_a_change_saves_little() -> None:
    loads = daily_burst(9, days=7)
    strict = CapacityPolicy(violation_share=0.001)
    first = advise(samples_of(loads), WIDE, LIMITS, NOW, policy=strict)
    again = advise(
        samples_of(loads), dataclasses.replace(WIDE, min_acu_by_hour=first.min_acu_by_hour), LIMITS, NOW, policy=strict
    )

    assert first.changed
    assert not again.changed
    assert "kept" in again.min_reasons[0]


def test_a_min_falls_by_at_most_a_factor_a_night() -> None:
    high = CapacityRange(48.0, 64.0, [48.0] * 24)

    assert min(advise(samples_of(days_of(1.0, 7)), high, LIMITS, NOW).min_acu_by_hour) == 6.0


def test_a_cluster_is_sized_from_its_busiest_instance_and_billed_for_all() -> None:
    writer = samples_of(days_of(30.0, 7), instance="writer")
    reader = samples_of(days_of(0.3, 7), instance="reader")
    alone, both = (advise(points, WIDE, LIMITS, NOW) for points in (writer, writer + reader))

    assert both.min_acu_by_hour == alone.min_acu_by_hour
    assert alone.expected_acu_hours < both.expected_acu_hours < 1.2 * alone.expected_acu_hours


def test_points_taken_under_another_max_are_read_under_theirs() -> None:
    points = [dataclasses.replace(s, max_acu=32.0) for s in samples_of(days_of(20.0, 7), max_acu=32.0)]

    assert advise(points, WIDE, LIMITS, NOW).max_acu == 64.0


def test_verdict_gives_both_bills() -> None:
    busy = advise(samples_of(days_of(30.0, 7)), WIDE, LIMITS, NOW).verdict
    idle = advise(samples_of(days_of(0.3, 7)), WIDE, LIMITS, NOW).verdict

    assert busy is not None
    assert idle is not None
    assert (busy.choice, busy.provisioned_class) == ("provisioned", "db.r7g.2xlarge")
    assert busy.provisioned_monthly < busy.serverless_monthly
    assert idle.choice == "serverless"
    assert idle.serverless_monthly == pytest.approx(0.5 * 730 * 0.12)


def test_the_first_range_serves_the_sources_full_load() -> None:
    assert first_range(64.0, LIMITS).max_acu == 71.5
    assert first_range(500.0, LIMITS).max_acu == 128.0


def test_an_impossible_limit_is_refused_in_a_sentence() -> None:
    with pytest.raises(ValueError, match=r"at least 8\.0 ACU, at most 4"):
        advise([], WIDE, CapacityRange(0.5, 4.0), NOW, Floors(global_database=True))
    with pytest.raises(ValueError, match="time zone"):
        advise([], WIDE, LIMITS, NOW.replace(tzinfo=None))


def test_a_range_that_is_no_number_becomes_a_legal_one() -> None:
    advice = advise([], CapacityRange(math.nan, math.inf), LIMITS, NOW)

    assert (advice.max_acu, advice.min_acu_by_hour) == (128.0, [0.5] * 24)
