"""Points as CloudWatch would give them, for the tests of the capacity advice."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

from migration.capacity_history import CapacitySample

NOW = dt.datetime(2026, 11, 23, 2, 0, tzinfo=dt.UTC)
FIVE_MINUTES = dt.timedelta(minutes=5)


def samples_of(
    loads: Iterable[float], *, max_acu: float = 64.0, end: dt.datetime = NOW, instance: str = ""
) -> list[CapacitySample]:
    """Five-minute points that end at `end`, one per load in ACU, of a cluster that follows its load."""
    values = list(loads)
    start = end - len(values) * FIVE_MINUTES
    return [
        CapacitySample(
            start + index * FIVE_MINUTES, load / 0.75, load / 0.75, load / max_acu * 100, load / max_acu * 100, instance
        )
        for index, load in enumerate(values)
    ]


def days_of(load: float, days: float) -> list[float]:
    return [load] * round(288 * days)


def daily_burst(hour: int, *, days: int, quiet: float = 1.0, burst: float = 40.0) -> list[float]:
    """Every day before NOW, a quarter of an hour of burst begins 20 minutes past `hour` (UTC)."""
    first = NOW - days * 288 * FIVE_MINUTES
    times = [first + index * FIVE_MINUTES for index in range(288 * days)]
    return [burst if at.hour == hour and 20 <= at.minute < 35 else quiet for at in times]
