"""When a schedule fires: EventBridge Scheduler user guide, "Schedule types". Times are UTC-aware, in AWS time."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ministack.services import eventbridge

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_AT = re.compile(r"at\((\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)\)")
_UNIT_SECONDS = {"minute": 60, "hour": 3600, "day": 86400}


def problem(schedule: dict[str, Any]) -> str:
    """What is wrong with the expression or its time zone, or nothing."""
    expression = schedule.get("ScheduleExpression", "")
    try:
        ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        return f"Invalid Schedule Expression Timezone {schedule['ScheduleExpressionTimezone']}."
    rate = _RATE.fullmatch(expression)
    valid = int(rate[1]) > 0 if rate else _AT.fullmatch(expression) or eventbridge._parse_cron_fields(expression)
    return "" if valid else f"Invalid Schedule Expression {expression}."


def interval_seconds(schedule: dict[str, Any]) -> float:
    """AWS seconds between two firings of a rate; a minute for what is no rate."""
    rate = _RATE.fullmatch(schedule["ScheduleExpression"])
    return int(rate[1]) * _UNIT_SECONDS[rate[2]] if rate else 60


def occurrences(schedule: dict[str, Any], now: datetime) -> Iterator[datetime]:
    """The times from `now` on at which the schedule fires, bounded by its StartDate and EndDate.

    A rate begins at its StartDate, without one at once.
    """
    first = max(now, _moment(schedule.get("StartDate")) or now)
    end = _moment(schedule.get("EndDate"))
    for moment in _unbounded(schedule, first):
        if end and moment > end:
            return
        yield moment


def _unbounded(schedule: dict[str, Any], first: datetime) -> Iterator[datetime]:
    expression, zone = schedule["ScheduleExpression"], ZoneInfo(schedule.get("ScheduleExpressionTimezone") or "UTC")
    if at := _AT.fullmatch(expression):
        yield datetime.fromisoformat(at[1]).replace(tzinfo=zone).astimezone(UTC)
    elif rate := _RATE.fullmatch(expression):
        while True:
            yield first
            first += timedelta(seconds=int(rate[1]) * _UNIT_SECONDS[rate[2]])
    else:
        fields, local = eventbridge._parse_cron_fields(expression), first.astimezone(zone)
        while (local := eventbridge._cron_next_fire(fields, local)) is not None:
            yield local.astimezone(UTC)


def _moment(value: Any) -> datetime | None:
    if value is None:
        return None
    if isinstance(value, int | float):
        return datetime.fromtimestamp(value, UTC)
    return datetime.fromisoformat(str(value)).astimezone(UTC)
