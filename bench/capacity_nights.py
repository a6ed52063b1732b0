"""Our advice in closed loop: each night it sees what CloudWatch would have shown, and the next day runs as it says.

CloudWatch shows use, not demand: CPU never exceeds the capacity there was, so a burst looks as small as it was served.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from bench.capacity_trace import DAY, HISTORY, TRACE, Score, Trace
from migration.capacity_advice import CapacityAdvice, CapacityPolicy, advise
from migration.capacity_history import CapacitySample
from migration.capacity_range import CapacityRange
from migration.scaling_model import Floats, Lanes, replay

LIMITS = CapacityRange(0.5, 128.0)


@dataclass(frozen=True)
class Nights:
    """The scored week as it ran: one advice a night; min in force and mean capacity per sample, ACU (2016,)."""

    score: Score
    advice: list[CapacityAdvice]
    min_acu: Floats
    capacity: Floats
    max_changes: int


def run_nights(trace: Trace, start: CapacityRange, policy: CapacityPolicy) -> Nights:
    """A week of history under `start`, then seven nights of advice."""
    lanes = Lanes.settled(trace.load_acu[:1], np.array([start.min_acu]), np.array([start.max_acu]))
    samples, floors, capacity = list[CapacitySample](), list[Floats](), list[Floats]()
    current, advice, max_changes = start, list[CapacityAdvice](), 0
    hours = minutes = 0.0
    for day in range(TRACE // DAY):
        first = day * DAY
        if first >= HISTORY:
            advised = advise(samples, current, LIMITS, trace.at(first), policy=policy)
            max_changes += advised.max_acu != current.max_acu
            current = CapacityRange(min(advised.min_acu_by_hour), advised.max_acu, advised.min_acu_by_hour)
            advice.append(advised)
        day_samples, used, violating, low = _run_day(trace, first, lanes, current)
        samples += day_samples
        if first >= HISTORY:
            hours, minutes = hours + float(used.sum()), minutes + violating
            floors.append(low)
            capacity.append(used * 12.0)
    return Nights(Score(hours, minutes), advice, np.concatenate(floors), np.concatenate(capacity), max_changes)


def _run_day(
    trace: Trace, first: int, lanes: Lanes, current: CapacityRange
) -> tuple[list[CapacitySample], Floats, float, Floats]:
    load = trace.load_acu[first : first + DAY, None]
    schedule = current.schedule()
    low = np.array([[schedule[trace.at(sample).hour]] for sample in range(first, first + DAY)])
    result = replay(lanes, load, low, np.full_like(load, current.max_acu))
    mean, peak = result.capacity_mean[:, 0], result.capacity_peak[:, 0]
    cpu_mean, cpu_peak = (np.minimum(load[:, 0], cap) / current.max_acu * 100.0 for cap in (mean, peak))
    samples = [
        CapacitySample(trace.at(first + i), mean[i], peak[i], cpu_mean[i], cpu_peak[i], max_acu=current.max_acu)
        for i in range(DAY)
    ]
    return samples, result.acu_hours[:, 0], float(result.violation_minutes.sum()), low[:, 0]
