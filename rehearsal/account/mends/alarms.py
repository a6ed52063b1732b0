"""Alarms judge their last periods one by one: M of N datapoints, and missing ones as the alarm says.

CloudWatch user guide, "Evaluating an alarm" and "Configuring how CloudWatch alarms treat missing data". ministack takes
the whole window as one datapoint and knows neither DatapointsToAlarm nor TreatMissingData.
"""

import operator
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanOrEqualToThreshold": operator.ge,
    "GreaterThanThreshold": operator.gt,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}


def apply() -> None:
    """Evaluate the alarms on one metric here; others (metric math, anomalies) stay with ministack."""
    other = cloudwatch._evaluate_alarm

    def evaluate(alarm: dict[str, Any]) -> None:
        if not alarm.get("MetricName") or alarm.get("ComparisonOperator") not in _COMPARISONS:
            other(alarm)
            return
        values = _values(alarm)
        _change(alarm, _state(alarm, values), values)

    cloudwatch._evaluate_alarm = evaluate


def _values(alarm: dict[str, Any]) -> list[float | None]:
    """The statistic of each of the last periods, the newest first; None where there is no datapoint."""
    dimensions = cloudwatch._dims_key(cloudwatch._dims_from_list(alarm.get("Dimensions") or []))
    key, now, period = (alarm["Namespace"], alarm["MetricName"], dimensions), time.time(), alarm.get("Period", 60)
    periods: list[list[Any]] = [[] for _ in range(int(alarm.get("EvaluationPeriods", 1)))]
    for (namespace, name, found), points in cloudwatch._metrics.items():
        if (namespace, name, found) != key:
            continue
        for point in points:
            age = int((now - point["Timestamp"]) // period)
            if 0 <= age < len(periods):
                periods[age].append(point)
    statistic = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    return [
        cloudwatch._stat_value(cloudwatch._calc_stats(points), statistic, points) if points else None
        for points in periods
    ]


def _state(alarm: dict[str, Any], values: list[float | None]) -> str:
    missing = alarm.get("TreatMissingData") or "missing"
    there = [value for value in values if value is not None]
    if not there and missing in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if missing == "missing" else str(alarm["StateValue"])
    breaches = sum(_COMPARISONS[alarm["ComparisonOperator"]](value, alarm["Threshold"]) for value in there)
    breaches += len(values) - len(there) if missing == "breaching" else 0
    needed = int(alarm.get("DatapointsToAlarm") or len(values))
    if missing in ("missing", "ignore"):
        needed = min(needed, len(there))
    return "ALARM" if breaches >= needed else "OK"


def _change(alarm: dict[str, Any], state: str, values: list[float | None]) -> None:
    before = alarm["StateValue"]
    if state == before:
        return
    reason = f"Threshold Crossed: {values} ({alarm['ComparisonOperator']} {alarm['Threshold']})"
    alarm.update(StateValue=state, StateReason=reason, StateUpdatedTimestamp=int(time.time()))
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)
