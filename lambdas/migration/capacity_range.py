"""Which ranges of ACU the API and the cluster's features allow (AWS_RULES R4.1, R4.2)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from migration.scaling_model import ACU_STEP, VIOLATION_USE, on_grid

_LARGEST_ACU = 256.0


@dataclass(frozen=True)
class CapacityRange:
    """ACU. `min_acu_by_hour` is the schedule in force (24 numbers, UTC hours) or empty when there is none."""

    min_acu: float
    max_acu: float
    min_acu_by_hour: Sequence[float] = ()

    def schedule(self) -> list[float]:
        """24 numbers."""
        return list(self.min_acu_by_hour) if len(self.min_acu_by_hour) == 24 else [self.min_acu] * 24


@dataclass(frozen=True)
class Floors:
    """What the cluster uses that a small min would break (AWS_RULES R4.1, R4.2)."""

    performance_insights: bool = False
    global_database: bool = False
    reverse_replication: bool = False
    working_set_gib: float = 0.0
    postgres_connections: int = 0

    def lowest(self) -> tuple[float, str]:
        """Min ACU that satisfies every floor, and the one that decides. Auto-pause (0) is never advised."""
        rules = [(0.5, "smallest range"), (self.working_set_gib / 2.0, "working set at 2 GiB per ACU")]
        rules += [(2.0, "Performance Insights")] if self.performance_insights else []
        rules += [(8.0, "Global Database")] if self.global_database else []
        rules += [(1.0, "more than 2000 connections")] if self.postgres_connections > 2000 else []
        acu, reason = max(rules, key=lambda rule: rule[0])
        return float(on_grid(acu)), reason


@dataclass(frozen=True)
class Bounds:
    """The legal mins and maxes of one cluster, ACU on the grid, and the rule that decides the lowest min."""

    low: float
    low_reason: str
    high: float

    @classmethod
    def of(cls, limits: CapacityRange, floors: Floors) -> Bounds:
        """ValueError when no range satisfies both."""
        low, reason = floors.lowest()
        if math.isfinite(limits.min_acu) and limits.min_acu > low:
            low, reason = float(on_grid(limits.min_acu)), "the version's lower limit"
        top = limits.max_acu if math.isfinite(limits.max_acu) else _LARGEST_ACU
        high = math.floor(min(top, _LARGEST_ACU) / ACU_STEP + 1e-9) * ACU_STEP
        if high < max(1.0, low):
            raise ValueError(f"no legal range: limits and floors ask for at least {max(1.0, low)} ACU, at most {high}")
        return cls(low, reason, high)

    def nearest(self, current: CapacityRange) -> CapacityRange:
        """The current range put on the grid and inside the limits."""
        top = current.max_acu if math.isfinite(current.max_acu) else self.high
        max_acu = float(np.clip(on_grid(top), max(1.0, self.low), self.high))
        mins = [acu if math.isfinite(acu) else self.low for acu in current.schedule()]
        schedule = [float(np.clip(on_grid(acu), self.low, max_acu)) for acu in mins]
        return CapacityRange(min(schedule), max_acu, schedule)


def first_range(source_acu: float, limits: CapacityRange, floors: Floors | None = None) -> CapacityRange:
    """The range to start a migrated cluster with, from the size of the source (2 GiB of its memory = 1 ACU): a max at
    which the source's full load stays at 90 % use, and the lowest min."""
    bounds = Bounds.of(limits, floors or Floors())
    return bounds.nearest(CapacityRange(bounds.low, float(on_grid(source_acu / VIOLATION_USE))))
