"""One question about capacity as JSON, and the advice as JSON.

In: `{"now", "current": {"minAcu", "maxAcu"}, "limits": {"minAcu", "maxAcu"}, "samples": [{"timestamp",
"capacityAverage", "capacityMaximum", "cpuAverage", "cpuMaximum"}]}`; a sample may carry `instance` and `maxAcu`, and
current `minAcuByHour`. Out: `{"maxAcu", "minAcuByHour": [24 numbers, UTC hours], "reason", "verdict"}`; after an
abstention the verdict is "unknown".
"""

from __future__ import annotations

import datetime as dt
import math
from collections.abc import Mapping
from typing import Any

from migration.capacity_advice import advise
from migration.capacity_history import CapacitySample
from migration.capacity_range import CapacityRange


def decide(question: Mapping[str, Any]) -> dict[str, Any]:
    """KeyError, TypeError or ValueError when the question lacks its range, limits or time; odd samples are no error."""
    samples = [sample for entry in question["samples"] if (sample := _sample(entry)) is not None]
    now, current, limits = _time(question["now"]), _range(question["current"]), _range(question["limits"])
    advice = advise(samples, current, limits, now)
    return {
        "maxAcu": advice.max_acu,
        "minAcuByHour": advice.min_acu_by_hour,
        "reason": advice.reason,
        "verdict": advice.verdict.choice if advice.verdict else "unknown",
    }


def _range(entry: Mapping[str, Any]) -> CapacityRange:
    hours = [float(acu) for acu in entry.get("minAcuByHour") or ()]
    return CapacityRange(float(entry["minAcu"]), float(entry["maxAcu"]), hours)


def _sample(entry: Mapping[str, Any]) -> CapacitySample | None:
    """None for a point without a time: nobody can say where it belongs."""
    try:
        at = _time(entry["timestamp"])
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return None
    max_acu = _number(entry.get("maxAcu"))
    return CapacitySample(
        at,
        capacity_average=_number(entry.get("capacityAverage")),
        capacity_maximum=_number(entry.get("capacityMaximum")),
        cpu_average=_number(entry.get("cpuAverage")),
        cpu_maximum=_number(entry.get("cpuMaximum")),
        instance=str(entry.get("instance", "")),
        max_acu=max_acu if math.isfinite(max_acu) and max_acu > 0 else None,
    )


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else math.nan


def _time(value: str | float) -> dt.datetime:
    """ISO 8601 (UTC when it names no zone) or seconds since 1970."""
    if isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    at = dt.datetime.fromisoformat(value)
    return at if at.tzinfo else at.replace(tzinfo=dt.UTC)
