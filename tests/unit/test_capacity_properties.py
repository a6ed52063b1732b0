"""Whatever CloudWatch returns, the advice is legal or says why it abstains."""

from __future__ import annotations

import datetime as dt
import math

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migration.capacity_advice import advise
from migration.capacity_history import CapacitySample
from migration.capacity_range import CapacityRange, Floors
from tests.unit.capacity_samples import NOW

ABSURD = [math.nan, math.inf, -math.inf, -1.0, 0.0, 1e-300, 1e12, 100.0]
anything = st.one_of(st.sampled_from(ABSURD), st.floats(0.0, 120.0))
halves = st.integers(2, 256).map(lambda steps: steps / 2.0)


@st.composite
def histories(draw: st.DrawFn) -> list[CapacitySample]:
    """Up to five days: constant, noisy or bursting, with gaps, NaN, nonsense, repeated and shifted clocks."""
    count, spacing = draw(st.integers(0, 5 * 288)), draw(st.sampled_from([1, 5, 30]))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    cpu = draw(st.floats(0.0, 100.0)) + rng.normal(0.0, draw(st.floats(0.0, 20.0)), count)
    cpu = np.where(rng.random(count) < draw(st.floats(0.0, 0.2)), 100.0, cpu)
    cpu = np.where(rng.random(count) < draw(st.floats(0.0, 1.0)) ** 3, draw(anything), cpu)
    minutes = -spacing * np.arange(count, 0, -1.0)
    minutes += draw(st.sampled_from([0.0, 3.5, 90.0, -600.0]))
    minutes[: count // 2] += draw(st.sampled_from([0.0, 60.0, -60.0]))
    there = rng.random(count) >= draw(st.floats(0.0, 1.0)) ** 2
    names = draw(st.sampled_from([["a"], ["a", "b"]]))
    return [
        CapacitySample(
            NOW + dt.timedelta(minutes=float(m)), float(c), draw_max, float(c), float(c), names[i % len(names)]
        )
        for i, (m, c, draw_max) in enumerate(zip(minutes[there], cpu[there], (cpu + 1.0)[there], strict=True))
    ]


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    samples=histories(),
    low=anything,
    high=anything,
    limit=halves,
    floors=st.builds(Floors, performance_insights=st.booleans(), working_set_gib=st.sampled_from([0.0, 3.3])),
)
def test_advice_is_legal_or_abstains(
    samples: list[CapacitySample], low: float, high: float, limit: float, floors: Floors
) -> None:
    limits = CapacityRange(0.0, max(limit, 4.0))
    advice = advise(samples, CapacityRange(low, high), limits, NOW, floors)

    assert advice.reason
    assert len(advice.min_acu_by_hour) == len(advice.min_reasons) == 24
    for acu in [advice.max_acu, *advice.min_acu_by_hour]:
        assert acu * 2 == int(acu * 2)
        assert floors.lowest()[0] <= acu <= min(limits.max_acu, advice.max_acu)
    assert advice.max_acu >= 1.0
    assert ("abstains" in advice.reason) == (advice.verdict is None)
    assert not (advice.verdict is None and advice.changed)
    assert all(map(math.isfinite, (advice.expected_acu_hours, advice.expected_cost, advice.expected_violation_minutes)))


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(samples=histories(), order=st.randoms(use_true_random=False))
def test_the_order_of_the_points_does_not_matter(samples: list[CapacitySample], order: object) -> None:
    shuffled = list(samples)
    order.shuffle(shuffled)  # type: ignore[attr-defined]
    current, limits = CapacityRange(0.5, 64.0), CapacityRange(0.5, 128.0)

    assert advise(shuffled, current, limits, NOW) == advise(samples, current, limits, NOW)
