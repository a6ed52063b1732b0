"""The cheapest min ACU for each hour of the coming day that keeps a promise of violating minutes.

Every candidate min is replayed on every day of the history (`scaling_model`). An hour's risk is what its neighbours
and the whole day showed too, because a burst seldom keeps an appointment. One price per violating minute is then raised
until the schedule keeps the promise: the min rises in the hours where a minute is cheapest to save.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import numpy as np

from migration.capacity_history import SLOTS_PER_DAY, SLOTS_PER_HOUR, LoadHistory
from migration.scaling_model import VIOLATION_USE, Floats, Lanes, on_grid, replay

HALF_LIFE_DAYS = 4.0
SEASON_WEIGHT = 2.0
NEIGHBOUR_HOURS = 4.0
WHOLE_DAY_SHARE = 0.2
GONE_SHARE = 0.01
FREE_INSURANCE = 0.002
RECOVERY_FACTOR = 16.0
_PRICES = np.concatenate([[0.0], np.geomspace(0.02, 2000.0, 60)])
_HOURS = np.arange(24)
_JUMPS = (0.5, 0.75, 0.85, 0.9, 0.95, 0.98, 0.99, 0.995)


@dataclass(frozen=True)
class HourlyOutlook:
    """What each candidate min would bring on the coming day: `levels` (candidates,) ACU; ACU-hours and violating
    minutes per hour of day, both of shape (24, candidates)."""

    levels: Floats
    acu_hours: Floats
    violation_minutes: Floats

    def expect(self, min_by_hour: Floats) -> tuple[float, float]:
        """ACU-hours and violating minutes of a day under this schedule, each min taken at the candidate next above."""
        index = np.minimum(np.searchsorted(self.levels, min_by_hour - 1e-9), len(self.levels) - 1)
        return float(self.acu_hours[_HOURS, index].sum()), float(self.violation_minutes[_HOURS, index].sum())


def candidate_levels(floor_acu: float, ceiling_acu: float, load_acu: Floats) -> Floats:
    """Mins worth trying, ACU on the grid: fine where an ACU matters, coarse above, and those from which a jump to a
    usual height of `load_acu` (any shape) no longer violates. Floor and ceiling included."""
    steps = [np.arange(0.5, 4.0, 0.5), np.arange(4.0, 8.0), np.arange(8.0, 24.0, 2.0)]
    steps += [np.arange(24.0, 48.0, 4.0), np.arange(48.0, 96.0, 6.0), np.arange(96.0, 257.0, 16.0)]
    jumps = on_grid(np.quantile(load_acu, _JUMPS) / VIOLATION_USE)
    levels = np.concatenate([*steps, jumps])
    inside = levels[(levels > floor_acu) & (levels < ceiling_acu)]
    return np.unique(np.concatenate([[floor_acu], inside, [max(floor_acu, ceiling_acu)]]))


def outlook(history: LoadHistory, levels: Floats, max_acu: float) -> HourlyOutlook:
    """Replay the history under each candidate min and weigh the days for the one that begins at `history.end`.

    ValueError when the history has no whole day.
    """
    if not history.days:
        raise ValueError("no whole day of history: nothing can be replayed")
    acu_hours, minutes = _replayed_days(history.envelope, levels, max_acu)
    shift = history.end.hour
    weights = day_weights(history)[:, None] * (history.known + 1e-6)
    weights /= weights.sum(axis=0)
    minutes = _without_one_off(minutes)
    cost = np.einsum("dh,dhl->hl", weights, acu_hours)
    risk = _spread() @ np.einsum("dh,dhl->hl", weights, minutes)
    risk = np.minimum.accumulate(risk, axis=1)
    return HourlyOutlook(levels, np.roll(cost, shift, axis=0), np.roll(risk, shift, axis=0))


def cheapest_schedule(view: HourlyOutlook, promised_minutes: float) -> Floats:
    """Min ACU by hour of day (24,), the cheapest whose expected violating minutes a day stay under `promised_minutes`;
    the safest known when none is. One hour in a hundred the load may be gone, and then the min is what is paid."""
    cost = view.acu_hours + GONE_SHARE * view.levels
    choices = (cost + _PRICES[:, None, None] * view.violation_minutes).argmin(axis=2)
    minutes = view.violation_minutes[_HOURS, choices].sum(axis=1)
    kept = np.flatnonzero(minutes <= promised_minutes)
    choice = choices[kept[0] if len(kept) else -1]
    insured = np.maximum(view.levels[choice], insurance(view))
    return insured if _is_free(view, insured, view.levels[choice]) else np.asarray(view.levels[choice])


def insurance(view: HourlyOutlook) -> float:
    """Growth is proportional to capacity (R4.4), so a load that falls to nothing must not start again from nothing: the
    highest candidate up to a sixteenth of the quietest hour's use, which costs nothing while the load is there."""
    quiet = view.acu_hours[:, 0].min() / RECOVERY_FACTOR
    return float(view.levels[max(0, int(np.searchsorted(view.levels, quiet, side="right")) - 1)])


def _is_free(view: HourlyOutlook, dearer: Floats, cheaper: Floats) -> bool:
    return view.expect(dearer)[0] <= view.expect(cheaper)[0] * (1.0 + FREE_INSURANCE)


def day_weights(history: LoadHistory) -> Floats:
    """One weight per day: recent days count more, and so do days of the coming day's season (weekday, month end)."""
    age = np.arange(history.days, 0, -1)
    weights = 0.5 ** (age / HALF_LIFE_DAYS)
    coming = history.end + dt.timedelta(hours=12)
    for index, days_ago in enumerate(age):
        day = coming - dt.timedelta(days=int(days_ago))
        if history.days >= 14 and day.weekday() == coming.weekday():
            weights[index] *= SEASON_WEIGHT
        if history.days >= 21 and is_month_end(day) and is_month_end(coming):
            weights[index] *= SEASON_WEIGHT**2
    return np.asarray(weights / weights.sum())


def is_month_end(day: dt.datetime) -> bool:
    """The last two days of a month and the first of the next: when closing runs."""
    return (day + dt.timedelta(days=2)).day <= 3


def _replayed_days(days: Floats, levels: Floats, max_acu: float) -> tuple[Floats, Floats]:
    """ACU-hours and violating minutes, (days, 24, candidates). Each day runs alone, after two hours of run-up."""
    run_up = np.vstack([days[:1, :1].repeat(2 * SLOTS_PER_HOUR, axis=1), days[:-1, -2 * SLOTS_PER_HOUR :]])
    load = np.hstack([run_up, days]).T[:, :, None]
    low = np.minimum(levels, max_acu)[None, None, :]
    shape = (len(load), 1, 1)
    lanes = Lanes.settled(*np.broadcast_arrays(load[0], low[0], np.float64(max_acu)))
    result = replay(lanes, load, np.broadcast_to(low, (len(load), *low.shape[1:])), np.full(shape, max_acu))
    hourly = (24, SLOTS_PER_HOUR, len(days), len(levels))
    fold = [rows[-SLOTS_PER_DAY:].reshape(hourly).sum(axis=1) for rows in (result.acu_hours, result.violation_minutes)]
    return fold[0].transpose(1, 0, 2), fold[1].transpose(1, 0, 2)


def _without_one_off(minutes: Floats) -> Floats:
    """The worst day counts no more than the second worst: what happened once is no pattern."""
    if len(minutes) < 3:
        return minutes
    total = minutes[:, :, 0].sum(axis=1)
    second = np.sort(total)[-2]
    return np.asarray(minutes * np.minimum(1.0, second / np.maximum(total, 1e-9))[:, None, None])


def _spread() -> Floats:
    """What an hour's risk owes to each hour of the day, (24, 24): a bell of four hours and a share of the whole."""
    apart = np.abs(np.subtract.outer(_HOURS, _HOURS))
    bell = np.exp(-0.5 * (np.minimum(apart, 24 - apart) / NEIGHBOUR_HOURS) ** 2)
    return np.asarray((1.0 - WHOLE_DAY_SHARE) * bell / bell.sum(axis=1, keepdims=True) + WHOLE_DAY_SHARE / 24.0)
