"""EventBridge Scheduler: firings that come at least once, sometimes late (AWS_RULES R7.1)."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types_boto3_scheduler import EventBridgeSchedulerClient
    from types_boto3_scheduler.type_defs import TargetTypeDef

SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"
MIN_EVENT_AGE_SECONDS = 60  # the API's smallest MaximumEventAgeInSeconds
DAY_SECONDS = 86_400


@dataclass(frozen=True)
class ScheduleSettings:
    """Where schedules live, the role that invokes, and the queue for firings that never arrived."""

    group: str
    role_arn: str
    dead_letter_queue_arn: str


def schedule_settings() -> ScheduleSettings:
    """From the environment of the function."""
    return ScheduleSettings(
        os.environ["CROSSFADE_SCHEDULE_GROUP"],
        os.environ["CROSSFADE_SCHEDULER_ROLE_ARN"],
        os.environ["CROSSFADE_SCHEDULE_DLQ_ARN"],
    )


class Schedules:
    """Adapter around one Scheduler client. Creating what exists and deleting what does not are no errors."""

    def __init__(self, client: EventBridgeSchedulerClient, settings: ScheduleSettings) -> None:
        self._client = client
        self._settings = settings

    def every(self, name: str, minutes: int, start: datetime, function_arn: str, payload: Mapping[str, Any]) -> None:
        """Invokes the function every `minutes` from `start` on; a firing older than one interval is dropped."""
        age_seconds = max(MIN_EVENT_AGE_SECONDS, minutes * 60)
        unit = "minute" if minutes == 1 else "minutes"
        self._create(name, f"rate({minutes} {unit})", self._target(function_arn, payload, age_seconds), start=start)

    def once(self, name: str, when: datetime, function_arn: str, payload: Mapping[str, Any]) -> None:
        """Invokes the function once at `when` (UTC), tries for a day, then the schedule deletes itself."""
        self._create(name, f"at({when:%Y-%m-%dT%H:%M:%S})", self._target(function_arn, payload, DAY_SECONDS))

    def delete(self, name: str) -> None:
        """Afterwards there is no such schedule."""
        try:
            self._client.delete_schedule(Name=name, GroupName=self._settings.group)
        except self._client.exceptions.ResourceNotFoundException:
            return

    def _target(self, function_arn: str, payload: Mapping[str, Any], age_seconds: int) -> TargetTypeDef:
        return {
            "Arn": function_arn,
            "RoleArn": self._settings.role_arn,
            "Input": json.dumps(payload),
            "DeadLetterConfig": {"Arn": self._settings.dead_letter_queue_arn},
            "RetryPolicy": {"MaximumEventAgeInSeconds": age_seconds, "MaximumRetryAttempts": 10},
        }

    def _create(self, name: str, expression: str, target: TargetTypeDef, start: datetime | None = None) -> None:
        request: dict[str, Any] = {"StartDate": start} if start else {"ActionAfterCompletion": "DELETE"}
        try:
            self._client.create_schedule(
                Name=name,
                GroupName=self._settings.group,
                ScheduleExpression=expression,
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                Target=target,
                **request,
            )
        except self._client.exceptions.ConflictException:
            return
