"""Load traces, and what a range of ACU would have cost on one: the scoring model of the shared traces' README.

Days 1-7 are history, days 8-14 are scored. Load is the trace plus 0.25 ACU of background work.
"""

from __future__ import annotations

import csv
import datetime as dt
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from migration.scaling_model import SAMPLE_SECONDS, VIOLATION_USE, Floats, Lanes, Replay, on_grid, replay

DAY = 288
HISTORY = 7 * DAY
TRACE = 14 * DAY
BACKGROUND_ACU = 0.25
WIDE = (0.5, 128.0)


@dataclass(frozen=True)
class Trace:
    """Five-minute load in ACU, shape (4032,); the clock starts at `start` and does not stumble."""

    name: str
    start: dt.datetime
    load_acu: Floats

    def at(self, sample: int) -> dt.datetime:
        return self.start + dt.timedelta(seconds=SAMPLE_SECONDS * sample)

    @property
    def scored(self) -> Floats:
        return self.load_acu[HISTORY:]


@dataclass(frozen=True)
class Score:
    """ACU-hours and violating minutes of the scored week."""

    acu_hours: float
    violation_minutes: float
    min_acu: float = 0.0
    max_acu: float = 0.0


def read_trace(path: Path, source_acu: float) -> Trace:
    """`timestamp,value` rows. CPU percent (a `cpu` in the file's name) is of the source; counts are scaled so that
    their maximum is the source's size: over the 14 days, or over the file for a thirty-minute trace, as in the shared
    table.

    ValueError for a file that is no such trace or shorter than 14 days.
    """
    with path.open(newline="") as file:
        rows = [(dt.datetime.fromisoformat(row["timestamp"]), float(row["value"])) for row in csv.DictReader(file)]
    if len(rows) < 2:
        raise ValueError(f"{path}: no rows of timestamp,value")
    seconds = float(np.median([(after - before).total_seconds() for (before, _), (after, _) in pairwise(rows)]))
    repeats = max(1, round(seconds / SAMPLE_SECONDS))
    values = np.array([value for _, value in rows])
    used = values[: TRACE // repeats]
    if len(used) * repeats < TRACE:
        raise ValueError(f"{path}: {len(used) * repeats / DAY:.1f} days, 14 are needed")
    full = 100.0 if "cpu" in path.name else (used.max() if repeats == 1 else values.max())
    load = np.repeat(used / full * source_acu, repeats) + BACKGROUND_ACU
    return Trace(path.stem, rows[0][0].replace(tzinfo=dt.UTC), load)


def constant_ranges(trace: Trace, min_acu: Floats, max_acu: Floats) -> Replay:
    """The scored week under many constant ranges at once, each settled at its start."""
    load = trace.scored[:, None]
    lanes = Lanes.settled(*np.broadcast_arrays(load[0], min_acu, max_acu))
    shape = (len(load), len(min_acu))
    return replay(lanes, load, np.broadcast_to(min_acu, shape), np.broadcast_to(max_acu, shape))


def score_constant(trace: Trace, min_acu: float, max_acu: float) -> Score:
    """One constant range."""
    result = constant_ranges(trace, np.array([min_acu]), np.array([max_acu]))
    return Score(float(result.acu_hours.sum()), float(result.violation_minutes.sum()), min_acu, max_acu)


def score_article(trace: Trace) -> Score:
    """The article, every night: hourly averages of the last seven days' capacity; max = peak x 1.2 (at most 128), min =
    half the mean. Its numbers are taken as they are, off the grid. The first week runs wide."""
    low, high = np.array(WIDE[:1]), np.array(WIDE[1:])
    lanes = Lanes.settled(trace.load_acu[:1], low, high)
    days: list[Replay] = []
    for load in trace.load_acu.reshape(-1, DAY, 1):
        if len(days) >= HISTORY // DAY:
            used = np.concatenate([past.acu_hours for past in days[-7:]]).reshape(-1, 12).sum(axis=1)
            low, high = (
                np.maximum(0.5, used.mean(keepdims=True) * 0.5),
                np.minimum(128.0, used.max(keepdims=True) * 1.2),
            )
        days.append(replay(lanes, load, np.broadcast_to(low, load.shape), np.broadcast_to(high, load.shape)))
    scored = days[HISTORY // DAY :]
    hours = sum(float(day.acu_hours.sum()) for day in scored)
    minutes = sum(float(day.violation_minutes.sum()) for day in scored)
    return Score(hours, minutes, float(low[0]), float(high[0]))


def hindsight(trace: Trace, shares: tuple[float, ...]) -> dict[float, Score]:
    """For each share of violating minutes, the cheapest constant range of the scored week."""
    mins = np.unique(np.concatenate([np.arange(0.5, 4.0, 0.5), np.arange(4.0, 88.0, 2.0)]))
    quantiles = [0.9, 0.95, 0.98, 0.99, 0.993, 0.995, 0.997, 0.998, 0.999, 1.0]
    tops = np.append(np.quantile(trace.scored, quantiles) / VIOLATION_USE + 0.1, [trace.scored.max() / 0.8, 128.0])
    low, high = (grid.ravel() for grid in np.meshgrid(mins, np.unique(np.maximum(on_grid(tops), 1.0))))
    low, high = low[low <= high], high[low <= high]
    result = constant_ranges(trace, low, high)
    hours, minutes = result.acu_hours.sum(axis=0), result.violation_minutes.sum(axis=0)
    best = {share: int(np.where(minutes <= share * 10_080, hours, np.inf).argmin()) for share in shares}
    return {s: Score(float(hours[i]), float(minutes[i]), float(low[i]), float(high[i])) for s, i in best.items()}
