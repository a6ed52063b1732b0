"""What range of ACU the cluster should have for the coming day, and why: pure advice, nothing is read or changed here.

The max is a spending guard: it is raised when the load presses on it and never trimmed towards last week's peak,
because cost follows the load, not the max, and a clipped level shift costs a day. The min is chosen by hour of day
(`capacity_schedule`). Rules: AWS_RULES R4.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from migration.capacity_bill import Prices, Verdict, verdict
from migration.capacity_history import CapacitySample, LoadHistory, load_history
from migration.capacity_range import Bounds, CapacityRange, Floors
from migration.capacity_schedule import HourlyOutlook, candidate_levels, cheapest_schedule, insurance, outlook
from migration.scaling_model import ACU_STEP, TARGET_USE, VIOLATION_USE, Floats, on_grid

Confidence = Literal["none", "low", "medium", "high"]
_MINUTES_PER_DAY = 1440.0


@dataclass(frozen=True)
class CapacityPolicy:
    """The service level and how boldly to follow it. `freeze_reason` forbids any change (a cut-over, a bake)."""

    violation_share: float = 0.005
    freeze_reason: str | None = None
    least_days: int = 3
    least_coverage: float = 0.75
    longest_silence: dt.timedelta = dt.timedelta(hours=3)
    worthwhile_saving: float = 0.02
    largest_max_rise: float = 2.0
    largest_min_fall: float = 8.0
    prices: Prices = field(default_factory=Prices)


@dataclass(frozen=True)
class CapacityAdvice:
    """A legal range for the coming day. `changed` is False when nothing should be done. Expectations are per day,
    ACU-hours and dollars of the whole cluster; `verdict` is None when the history does not allow one."""

    max_acu: float
    min_acu_by_hour: list[float]
    changed: bool
    max_reason: str
    min_reasons: list[str]
    confidence: Confidence
    expected_acu_hours: float
    expected_cost: float
    expected_violation_minutes: float
    verdict: Verdict | None
    notices: list[str]

    @property
    def reason(self) -> str:
        """One paragraph for the operator."""
        hours: dict[str, list[int]] = {}
        for hour, reason in enumerate(self.min_reasons):
            hours.setdefault(reason, []).append(hour)
        mins = [reason if len(at) == 24 else f"{reason} at {_spans(at)} h" for reason, at in hours.items()]
        return " ".join([f"Max: {self.max_reason}.", f"Min: {'; '.join(mins)}.", *self.notices])


def advise(
    samples: Iterable[CapacitySample],
    current: CapacityRange,
    limits: CapacityRange,
    now: dt.datetime,
    floors: Floors | None = None,
    policy: CapacityPolicy | None = None,
) -> CapacityAdvice:
    """Advice from per-instance five-minute points of the last 3 to 28 days.

    `limits` are those of the engine version (DescribeDBEngineVersions). ValueError when they leave no legal range or
    `now` is not aware.
    """
    floors, policy = floors or Floors(), policy or CapacityPolicy()
    if now.tzinfo is None:
        raise ValueError("now has no time zone: pass an aware time")
    bounds = Bounds.of(limits, floors)
    legal = bounds.nearest(current)
    history = load_history(samples, legal.max_acu, now)
    refusal = _refusal(history, policy, now)
    if refusal:
        return _unchanged(legal, current, refusal)
    max_acu, max_reason = _max_acu(history, legal.max_acu, bounds, policy)
    levels = candidate_levels(bounds.low, min(max_acu, max(bounds.low, _highest_useful(history))), history.envelope)
    view = outlook(history, levels, max_acu)
    schedule, why = _min_schedule(view, current, legal, policy)
    return _assembled(history, view, legal, current, (max_acu, max_reason), (schedule, why, bounds), policy)


def _refusal(history: LoadHistory, policy: CapacityPolicy, now: dt.datetime) -> str | None:
    if policy.freeze_reason:
        return f"frozen: {policy.freeze_reason}"
    if history.last_sample is None:
        return "no usable sample"
    if now - history.last_sample > policy.longest_silence:
        return f"the last sample is from {history.last_sample.isoformat()}, more than {policy.longest_silence} ago"
    if history.measured_days < policy.least_days - 0.1:
        return f"only {history.measured_days:.1f} days of samples, {policy.least_days} are needed"
    recent = float(history.known[-7:].mean())
    if recent < policy.least_coverage:
        return f"only {recent:.0%} of the last week's hours were measured, {policy.least_coverage:.0%} are needed"
    return None


def _unchanged(legal: CapacityRange, current: CapacityRange, refusal: str) -> CapacityAdvice:
    differs = legal.max_acu != current.max_acu or legal.schedule() != current.schedule()
    notices = ["The range in force is off the grid or outside the limits: this is the nearest legal one."] * differs
    abstains = f"abstains, {refusal}"
    return CapacityAdvice(
        max_acu=legal.max_acu,
        min_acu_by_hour=legal.schedule(),
        changed=False,
        max_reason=abstains,
        min_reasons=[abstains] * 24,
        confidence="none",
        expected_acu_hours=0.0,
        expected_cost=0.0,
        expected_violation_minutes=0.0,
        verdict=None,
        notices=notices,
    )


def _max_acu(history: LoadHistory, now_max: float, bounds: Bounds, policy: CapacityPolicy) -> tuple[float, str]:
    """Raised when two points of the last week (one is noise) used more than 90 % of it, by at most a factor a night."""
    peak = float(np.sort(history.envelope[-7:], axis=None)[-2])
    share = f"last week's load reached {peak:.1f} ACU, {peak / now_max:.0%} of the max"
    if peak <= VIOLATION_USE * now_max:
        return now_max, f"{now_max:g} kept as a spending guard, {share}"
    wanted = min(float(on_grid(peak / TARGET_USE)), float(on_grid(now_max * policy.largest_max_rise)), bounds.high)
    if wanted <= now_max:
        return now_max, f"{now_max:g} is the limit of this version although {share}"
    return wanted, f"{now_max:g} to {wanted:g} because {share}"


def _highest_useful(history: LoadHistory) -> float:
    """A min above this serves the highest load ever seen without scaling."""
    return float(on_grid(history.envelope.max() / VIOLATION_USE + ACU_STEP))


def _min_schedule(
    view: HourlyOutlook, current: CapacityRange, legal: CapacityRange, policy: CapacityPolicy
) -> tuple[Floats, str]:
    """The cheapest schedule that keeps the promise, unless the one in force keeps it at nearly the same cost."""
    promised = policy.violation_share * _MINUTES_PER_DAY
    best = cheapest_schedule(view, promised)
    if len(current.min_acu_by_hour) != 24:
        return best, "cheapest that keeps the service level"
    held = np.minimum(np.array(legal.schedule()), view.levels[-1])
    cost, minutes = view.expect(held)
    safe = minutes <= promised and bool(np.all(held >= min(insurance(view), float(best.min()))))
    if safe and cost * (1.0 - policy.worthwhile_saving) <= view.expect(best)[0]:
        return np.array(legal.schedule()), "kept: a change saves too little"
    lowest = on_grid(np.array(legal.schedule()) / policy.largest_min_fall)
    return np.maximum(best, lowest), "cheapest that keeps the service level"


def _assembled(
    history: LoadHistory,
    view: HourlyOutlook,
    legal: CapacityRange,
    current: CapacityRange,
    top: tuple[float, str],
    bottom: tuple[Floats, str, Bounds],
    policy: CapacityPolicy,
) -> CapacityAdvice:
    (max_acu, max_reason), (wanted, why, bounds) = top, bottom
    schedule = [float(acu) for acu in np.clip(wanted, bounds.low, max_acu)]
    acu_hours, minutes = view.expect(np.array(schedule))
    instances = len(history.load_acu)
    if instances > 1:
        acu_hours = _cluster_acu_hours(history, np.array(schedule), max_acu)
    notices = _notices(legal.max_acu, max_acu, schedule, acu_hours, minutes, policy)
    bill = verdict(acu_hours, history.envelope, instances, policy.violation_share, policy.prices)
    return CapacityAdvice(
        max_acu=max_acu,
        min_acu_by_hour=schedule,
        changed=max_acu != current.max_acu or schedule != current.schedule(),
        max_reason=max_reason,
        min_reasons=[_hour_reason(acu, why, bounds) for acu in schedule],
        confidence=_confidence(history),
        expected_acu_hours=acu_hours,
        expected_cost=acu_hours * policy.prices.acu_hour,
        expected_violation_minutes=minutes,
        verdict=bill,
        notices=[*notices, f"Verdict {bill} (prices of {policy.prices.as_of})."],
    )


def _cluster_acu_hours(history: LoadHistory, schedule: Floats, max_acu: float) -> float:
    """A day's ACU-hours of all instances, each under its own load."""
    levels = np.unique(schedule)
    each = (outlook(history.of_instance(index), levels, max_acu) for index in range(len(history.load_acu)))
    return sum(view.expect(schedule)[0] for view in each)


def _hour_reason(acu: float, why: str, bounds: Bounds) -> str:
    return f"{acu:g} ACU ({why}{', the floor: ' + bounds.low_reason if acu <= bounds.low else ''})"


def _spans(hours: list[int]) -> str:
    """[0, 1, 2, 5] -> "0-2, 5"."""
    starts = [hour for hour in hours if hour - 1 not in hours]
    ends = [hour for hour in hours if hour + 1 not in hours]
    return ", ".join(f"{a}-{b}" if b > a else f"{a}" for a, b in zip(starts, ends, strict=True))


def _notices(
    old_max: float, max_acu: float, schedule: list[float], acu_hours: float, minutes: float, policy: CapacityPolicy
) -> list[str]:
    notices = [f"Expected {acu_hours:.0f} ACU-hours and {minutes:.1f} violating minutes a day."]
    if minutes > policy.violation_share * _MINUTES_PER_DAY:
        notices.append("No min in reach keeps the service level on this history: the safest known is given.")
    if max_acu != old_max:
        notices.append("max_connections follows the max and is static: it changes at the next reboot (pending-reboot).")
    if min(schedule) <= 0.5:
        notices.append("PostgreSQL caps max_connections at 2000 while the min is 0.5.")
    return notices


def _confidence(history: LoadHistory) -> Confidence:
    if history.measured_days >= 14 and history.coverage >= 0.95:
        return "high"
    return "medium" if history.measured_days >= 6.9 else "low"
