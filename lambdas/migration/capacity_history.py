"""From CloudWatch points to whole days of load: five-minute slots, gaps marked, one row per instance.

CPUUtilization is relative to *max* ACU (AWS_RULES R4.3): load in ACU = CPU percent / 100 x the max in force then.
Capacity of a cluster is the average over its instances (R4.3): points carry the instance they belong to.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from migration.scaling_model import SAMPLE_SECONDS, Floats

SLOTS_PER_HOUR = round(3600 / SAMPLE_SECONDS)
SLOTS_PER_DAY = 24 * SLOTS_PER_HOUR
MAX_DAYS = 28
_SATURATED_USE = 0.85
_LONGEST_SPACING = dt.timedelta(hours=1)


@dataclass(frozen=True)
class CapacitySample:
    """One point of one instance. Capacities in ACU, CPU in percent of max ACU; NaN where CloudWatch had nothing.

    `max_acu` is the max in force at the time, None when unknown: today's max is then taken for it.
    """

    at: dt.datetime
    capacity_average: float
    capacity_maximum: float
    cpu_average: float
    cpu_maximum: float
    instance: str = ""
    max_acu: float | None = None

    def load_acu(self, current_max_acu: float) -> float:
        """What the instance was asked for. At full use the average only shows what it could give: take the peak."""
        scale = (current_max_acu if self.max_acu is None else self.max_acu) / 100.0
        average, peak = self.cpu_average * scale, self.cpu_maximum * scale
        saturated = average >= _SATURATED_USE * self.capacity_average
        load = max(average, peak) if saturated and math.isfinite(peak) else average
        return load if math.isfinite(load) and 0.0 <= load <= 4.0 * current_max_acu else math.nan


@dataclass(frozen=True)
class LoadHistory:
    """Whole days of load, oldest first, each ending at `end` o'clock.

    `load_acu` has shape (instances, days, 288), gaps filled with the value before them; `known` (days, 24) is False for
    an hour with fewer than three quarters of its slots measured.
    """

    end: dt.datetime
    load_acu: Floats
    known: np.typing.NDArray[np.bool_]
    last_sample: dt.datetime | None

    @property
    def days(self) -> int:
        return int(self.load_acu.shape[1])

    @property
    def measured_days(self) -> float:
        """Hours that were measured, in days."""
        return float(self.known.sum() / 24.0)

    @property
    def coverage(self) -> float:
        """Share of the hours that were measured, 0 to 1."""
        return float(self.known.mean()) if self.known.size else 0.0

    def of_instance(self, index: int) -> LoadHistory:
        """The history of one instance alone."""
        return dataclasses.replace(self, load_acu=self.load_acu[index : index + 1])

    @property
    def envelope(self) -> Floats:
        """Load of the busiest instance at each moment, shape (days, 288): one range serves every instance."""
        return np.asarray(self.load_acu.max(axis=0))


def load_history(samples: Iterable[CapacitySample], current_max_acu: float, now: dt.datetime) -> LoadHistory:
    """Whole days of load before `now` (aware), at most 28. Points of the future, NaN and nonsense are dropped."""
    end = now.astimezone(dt.UTC).replace(minute=0, second=0, microsecond=0)
    points = [(s.instance, s.at, s.load_acu(current_max_acu)) for s in samples if s.at <= now]
    points = [(instance, at, load) for instance, at, load in points if not math.isnan(load)]
    if not points:
        return LoadHistory(end, np.zeros((0, 0, SLOTS_PER_DAY)), np.zeros((0, 24), dtype=bool), None)
    oldest, newest = min(at for _, at, _ in points), max(at for _, at, _ in points)
    days = min(MAX_DAYS, max(0, round((end - oldest) / dt.timedelta(days=1) + 0.04)))
    instances = sorted({instance for instance, _, _ in points})
    grids = [_slots([(at, load) for i, at, load in points if i == name], end, days) for name in instances]
    measured = np.logical_or.reduce([~np.isnan(grid) for grid in grids])
    known = measured.reshape(days, 24, SLOTS_PER_HOUR).mean(axis=2) >= 0.75
    return LoadHistory(end, np.stack([_filled(grid).reshape(days, SLOTS_PER_DAY) for grid in grids]), known, newest)


def _slots(points: list[tuple[dt.datetime, float]], end: dt.datetime, days: int) -> Floats:
    """Five-minute slots before `end`: mean of the points in each; a wider point (30 minutes) holds until the next.
    NaN where nothing was measured."""
    start = end - days * dt.timedelta(days=1)
    seconds, loads = np.array(sorted(((at - start).total_seconds(), load) for at, load in points)).T
    slots, mine = np.unique(np.floor(seconds / SAMPLE_SECONDS), return_inverse=True)
    inside = (slots >= 0) & (slots < days * SLOTS_PER_DAY)
    held = _held(seconds, loads, days)
    held[slots[inside].astype(np.intp)] = (np.bincount(mine, loads) / np.bincount(mine))[inside]
    return held


def _held(seconds: Floats, loads: Floats, days: int) -> Floats:
    """Each slot takes the latest point, unless that is older than the usual spacing (at most an hour)."""
    spacing = float(np.median(np.diff(seconds))) if len(seconds) > 1 else SAMPLE_SECONDS
    reach = min(max(spacing, SAMPLE_SECONDS), _LONGEST_SPACING.total_seconds()) + SAMPLE_SECONDS - 1.0
    slot_ends = (np.arange(days * SLOTS_PER_DAY) + 1) * SAMPLE_SECONDS - 1.0
    latest = np.searchsorted(seconds, slot_ends, side="right") - 1
    age = slot_ends - seconds[latest]
    return np.asarray(np.where((latest >= 0) & (age <= reach), loads[latest], np.nan))


def _filled(grid: Floats) -> Floats:
    """Gaps take the value before them; a gap at the start takes the first value."""
    there = ~np.isnan(grid)
    if not there.any():
        return np.zeros_like(grid)
    last = np.maximum.accumulate(np.where(there, np.arange(len(grid)), -1))
    return np.asarray(grid[np.where(last < 0, int(there.argmax()), last)])
