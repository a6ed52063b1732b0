"""EventBridge Scheduler at the account's pace, checking what it is given.

ministack looks at its schedules every ten seconds, knows nothing of the role, of retries, of a dead-letter queue or of
`<aws.scheduler.scheduled-time>`, and accepts any expression. An occurrence T of a schedule made at N fires when T - N
of AWS time has passed since: handlers' clocks are real, the schedule's runs at the pace. Work is real, so a function
that is done in AWS long before the next minute may take many of them here: a schedule does not fire while its function
is at work, and of the occurrences that came meanwhile only the last one is delivered.
"""

import logging
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from ministack.services import eventbridge, iam, scheduler

from rehearsal.account import platform
from rehearsal.account.mends import schedule_delivery, schedule_times
from rehearsal.account.time_factor import aws_monotonic

_log = logging.getLogger("crossfade.scheduler")
_TICK_SECONDS = 0.02
# At a high pace the occurrences that come sooner than this after one are let pass, so that quick functions too leave
# the machine some rest.
_SHORTEST_GAP_SECONDS = 0.4
_Answer = tuple[int, dict[str, str], bytes]


@dataclass
class _Plan:
    """When one schedule fires; made anew when the schedule is changed."""

    modified: float
    made: datetime
    made_at: float
    times: Iterator[datetime]
    next: datetime | None
    fired_at: float = float("-inf")
    """Real time of the last firing."""
    delivery: threading.Thread | None = None

    def now(self) -> datetime:
        """The schedule's clock."""
        return self.made + timedelta(seconds=aws_monotonic() - self.made_at)

    def due(self) -> datetime | None:
        """The occurrence to deliver now: the last one that has come, once the delivery before it is over."""
        delivering = self.delivery is not None and self.delivery.is_alive()
        if delivering or time.monotonic() - self.fired_at < _SHORTEST_GAP_SECONDS:
            return None
        found = None
        while self.next and self.next <= self.now():
            found, self.next, self.fired_at = self.next, next(self.times, None), time.monotonic()
        return found


_plans: dict[Any, _Plan] = {}
_tokens: dict[str, str] = {}


def apply() -> None:
    """Check requests, and fire schedules from a thread of our own."""
    create, update = scheduler._create_schedule, scheduler._update_schedule

    def create_checked(name: str, body: dict[str, Any]) -> Any:
        arn = scheduler._schedule_arn(body.get("GroupName", "default"), name)
        token = body.get("ClientToken")
        if token and _tokens.get(arn) == token and f"{body.get('GroupName', 'default')}/{name}" in scheduler._schedules:
            return scheduler._json_resp(200, {"ScheduleArn": arn})
        answer = _refusal(name, body) or create(name, body)
        if token and answer[0] == 200:
            _tokens[arn] = token
        return answer

    scheduler._create_schedule = create_checked
    scheduler._update_schedule = lambda name, body: _refusal(name, body) or update(name, body)
    scheduler.start_scheduler = lambda: threading.Thread(target=_run, daemon=True, name="crossfade-scheduler").start()
    eventbridge._dispatch_to_lambda = schedule_delivery.send_to_lambda


def _refusal(name: str, body: dict[str, Any]) -> _Answer | None:
    """The answer to a schedule that Scheduler refuses."""
    if problem := next(_problems(name, body), None):
        answer: _Answer = scheduler._error(400, "ValidationException", problem)
        return answer
    return None


def _problems(name: str, body: dict[str, Any]) -> Iterator[str]:
    target, window = body.get("Target") or {}, body.get("FlexibleTimeWindow") or {}
    retries = target.get("RetryPolicy") or {}
    if not re.fullmatch(r"[0-9a-zA-Z_.-]{1,64}", name):
        yield f"Value '{name}' at 'name' failed to satisfy constraint: [0-9a-zA-Z-_.]+, 64 characters at most"
    if problem := schedule_times.problem(body):
        yield problem
    if window.get("Mode") not in ("OFF", "FLEXIBLE") or ("MaximumWindowInMinutes" in window) != (
        window.get("Mode") == "FLEXIBLE"
    ):
        yield "FlexibleTimeWindow needs Mode OFF, or FLEXIBLE with MaximumWindowInMinutes"
    if not target.get("Arn") or not target.get("RoleArn"):
        yield "Target Arn and RoleArn are required."
    if not 0 <= retries.get("MaximumRetryAttempts", 0) <= 185:
        yield "MaximumRetryAttempts must be between 0 and 185"
    if not 60 <= retries.get("MaximumEventAgeInSeconds", 60) <= 86400:
        yield "MaximumEventAgeInSeconds must be between 60 and 86400"
    role = iam._roles.get(str(target.get("RoleArn", "")).rsplit("/", 1)[-1])
    group = scheduler._group_arn(body.get("GroupName", "default"))
    if role is None or not platform.trusts(role, "scheduler.amazonaws.com", group):
        yield "The execution role you provide must allow AWS EventBridge Scheduler to assume the role."


def _run() -> None:
    while True:
        time.sleep(_TICK_SECONDS)
        try:
            _tick()
        except Exception:
            _log.exception("the scheduler stumbled")


def _tick() -> None:
    schedules = dict(scheduler._schedules._data)
    for key in _plans.keys() - schedules.keys():
        del _plans[key]
    for key, schedule in schedules.items():
        if schedule.get("State") != "ENABLED":
            _plans.pop(key, None)
            continue
        plan = _plans.get(key)
        if plan is None or plan.modified != schedule["LastModificationDate"]:
            plan = _plans[key] = _plan(schedule)
        if moment := plan.due():
            plan.delivery = threading.Thread(target=schedule_delivery.fire, args=(schedule, moment), daemon=True)
            plan.delivery.start()
        if plan.next is None and schedule.get("ActionAfterCompletion") == "DELETE":
            scheduler._schedules._data.pop(key, None)


def _plan(schedule: dict[str, Any]) -> _Plan:
    modified = float(schedule["LastModificationDate"])
    made = datetime.now(UTC)
    times = schedule_times.occurrences(schedule, made)
    return _Plan(modified, made, aws_monotonic(), times, next(times, None))
