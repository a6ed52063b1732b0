"""How Aurora Serverless v2 follows a load, as a replay in 15-second steps over many candidate ranges at once.

Sources: AWS_RULES R4.4 (growth speeds up with capacity, scale-down waits and then halves) and one published one-second
measurement of Aurora PostgreSQL 15.5 up to 12.5 ACU; above that the constants are documented behaviour, not measured.

Every array has lanes on its last axes: a lane is one independent cluster (a candidate range, a day of history, both).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Floats: TypeAlias = NDArray[np.float64]

ACU_STEP = 0.5
SAMPLE_SECONDS = 300.0
STEP_SECONDS = 15.0
TARGET_USE = 0.75
VIOLATION_USE = 0.9
BURST_ACU = 2.5
BURST_REFILL_SECONDS = 600.0
DOUBLING_SECONDS = 60.0
HOLD_SECONDS = 90.0
HOLD_SECONDS_PER_ACU = 20.0
HALVING_SECONDS = 180.0

_STEPS_PER_SAMPLE = round(SAMPLE_SECONDS / STEP_SECONDS)
_STEPS_PER_MINUTE = round(60.0 / STEP_SECONDS)
_GROWTH = 2.0 ** (STEP_SECONDS / DOUBLING_SECONDS) - 1.0
_DECAY = 2.0 ** (-STEP_SECONDS / HALVING_SECONDS)
_REFILL = BURST_ACU * STEP_SECONDS / BURST_REFILL_SECONDS


def on_grid(acu: Floats | float) -> Floats:
    """The smallest multiple of 0.5 ACU that is not below `acu`."""
    return np.asarray(np.ceil(np.asarray(acu, dtype=np.float64) / ACU_STEP - 1e-9) * ACU_STEP)


@dataclass
class Lanes:
    """Where each lane stands. All arrays have one shape; ACU, ACU, seconds, ACU."""

    capacity: Floats
    burst: Floats
    idle_seconds: Floats
    risen: Floats

    @classmethod
    def settled(cls, load_acu: Floats, min_acu: Floats, max_acu: Floats) -> Lanes:
        """Lanes that have served `load_acu` for long. The three arrays broadcast to the shape of the lanes."""
        need = on_grid(load_acu / TARGET_USE)
        capacity = np.minimum(np.maximum(need, min_acu), max_acu)
        return cls(capacity, np.full_like(capacity, BURST_ACU), np.zeros_like(capacity), np.zeros_like(capacity))


@dataclass(frozen=True)
class Replay:
    """One row per sample of 300 s: ACU-hours used, minutes with use above 90 % at any step, capacity mean and peak."""

    acu_hours: Floats
    violation_minutes: Floats
    capacity_peak: Floats

    @property
    def capacity_mean(self) -> Floats:
        return np.asarray(self.acu_hours * (3600.0 / SAMPLE_SECONDS))


def replay(lanes: Lanes, load_acu: Floats, min_acu: Floats, max_acu: Floats) -> Replay:
    """Run `lanes` through the samples, changing them in place.

    `load_acu` (what the CPU metric shows, background work included), `min_acu` and `max_acu` are ACU of shape
    (samples, ...) and each row broadcasts against the lanes.
    """
    samples = len(load_acu)
    acu_hours = np.empty((samples, *lanes.capacity.shape))
    violations = np.empty_like(acu_hours)
    peaks = np.empty_like(acu_hours)
    for sample in range(samples):
        load = load_acu[sample]
        low, high = min_acu[sample], max_acu[sample]
        need = np.minimum(np.maximum(on_grid(load / TARGET_USE), low), high)
        acu_hours[sample], violations[sample], peaks[sample] = _follow(lanes, load / VIOLATION_USE, need)
    return Replay(acu_hours, violations, peaks)


def _follow(lanes: Lanes, tight: Floats, need: Floats) -> tuple[Floats, Floats, Floats]:
    """One sample: capacity first serves a step, then moves. `tight` is the capacity below which a step violates."""
    used = np.zeros_like(lanes.capacity)
    minutes = np.zeros_like(lanes.capacity)
    peak = lanes.capacity.copy()
    for _ in range(_STEPS_PER_SAMPLE // _STEPS_PER_MINUTE):
        violated = np.zeros(lanes.capacity.shape, dtype=bool)
        for _ in range(_STEPS_PER_MINUTE):
            violated |= lanes.capacity < tight
            used += lanes.capacity
            _step(lanes, need)
            np.maximum(peak, lanes.capacity, out=peak)
        minutes += violated
    return used * (STEP_SECONDS / 3600.0), minutes, peak


def _step(lanes: Lanes, need: Floats) -> None:
    capacity = lanes.capacity
    wanted = np.maximum(need - capacity, 0.0)
    burst = np.minimum(wanted, lanes.burst)
    rise = burst + np.minimum(wanted - burst, capacity * _GROWTH)
    lanes.burst = np.minimum(lanes.burst - burst + _REFILL, BURST_ACU)
    lanes.idle_seconds = np.where(need < capacity, lanes.idle_seconds + STEP_SECONDS, 0.0)
    falls = lanes.idle_seconds > HOLD_SECONDS - STEP_SECONDS + HOLD_SECONDS_PER_ACU * lanes.risen
    falls &= need < capacity
    lanes.capacity = np.where(falls, np.maximum(need, capacity * _DECAY), capacity + rise)
    lanes.risen = np.where(falls, 0.0, lanes.risen + rise)
