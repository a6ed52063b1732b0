"""One firing of a schedule: the role is asked, the target invoked, failures retried, and what failed for good kept.

EventBridge Scheduler user guide: "Adding context attributes", "Managing targets", "Configuring a dead-letter queue".
"""

import contextlib
import contextvars
import json
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from ministack import app
from ministack.core.arn import parse_arn
from ministack.services import eventbridge, lambda_svc, stepfunctions

from rehearsal.account import faults, platform
from rehearsal.account.mends import schedule_times, schedule_work, states_role
from rehearsal.account.time_factor import aws_monotonic, scaled, sleep

_log = logging.getLogger("crossfade.scheduler")
_PRINCIPAL = "scheduler.amazonaws.com"
_ACTIONS = {
    "lambda": "lambda:InvokeFunction",
    "sqs": "sqs:SendMessage",
    "sns": "sns:Publish",
    "states": "states:StartExecution",
    "events": "events:PutEvents",
}
_UNIVERSAL = "arn:aws:scheduler:::aws-sdk:"
_MAX_RETRY_WAIT_SECONDS = 300
_ASYNC_RETRY_SECONDS = 60
_ASYNC_RETRIES = 2


class DeliveryError(Exception):
    """The target could not be invoked; `code` is what the dead-letter message says."""

    def __init__(self, code: str, message: str, *, retryable: bool = False) -> None:
        super().__init__(message)
        self.code, self.retryable = code, retryable


@dataclass(frozen=True)
class Firing:
    """One occurrence of a schedule. `account` and `region` are the schedule's."""

    schedule: dict[str, Any]
    scheduled_time: datetime
    execution_id: str

    @property
    def target(self) -> dict[str, Any]:
        found: dict[str, Any] = self.schedule["Target"]
        return found

    def payload(self, attempt: int) -> str:
        """The target's input, with Scheduler's context attributes filled in."""
        text = self.target.get("Input") or self._default_input()
        context = {
            "scheduled-time": _iso(self.scheduled_time),
            "execution-id": self.execution_id,
            "schedule-arn": self.schedule["Arn"],
            "attempt-number": str(attempt),
        }
        for name, value in context.items():
            text = text.replace(f"<aws.scheduler.{name}>", value)
        return str(text)

    def _default_input(self) -> str:
        event = {"version": "0", "id": self.execution_id, "detail-type": "Scheduled Event", "source": "aws.scheduler"}
        where = {"account": platform.ACCOUNT_ID, "region": platform.REGION, "resources": [self.schedule["Arn"]]}
        return json.dumps({**event, **where, "time": _iso(self.scheduled_time), "detail": "{}"})


def fire(schedule: dict[str, Any], scheduled_time: datetime) -> None:
    """Invoke the schedule's target for one occurrence, with its retry policy; returns when a function has run.

    The fault `schedule-late` holds the delivery back by `intervals` of the schedule's rate, so that later ones overtake
    it; `schedule-twice` delivers it twice at once, as a service that delivers at least once may.
    """
    firing = Firing(schedule, scheduled_time, str(uuid.uuid4()))
    if late := faults.take("schedule-late", schedule["Name"]):
        _in_background(_deliver, firing, late.get("intervals", 1) * schedule_times.interval_seconds(schedule))
        return
    if faults.take("schedule-twice", schedule["Name"]):
        _in_background(_deliver, firing)
    _deliver(firing)


def _in_background(work: Callable[..., None], *given: Any) -> None:
    context = contextvars.copy_context()
    threading.Thread(target=context.run, args=(work, *given), daemon=True, name="crossfade-delivery").start()


def _deliver(firing: Firing, after_seconds: float = 0) -> None:
    sleep(after_seconds)
    policy = firing.target.get("RetryPolicy") or {}
    attempts = 1 + int(policy.get("MaximumRetryAttempts", 185))
    deadline = aws_monotonic() + float(policy.get("MaximumEventAgeInSeconds", 86400))
    for attempt in range(1, attempts + 1):
        try:
            _invoke(firing, attempt)
        except DeliveryError as error:
            wait = min(2**attempt, _MAX_RETRY_WAIT_SECONDS)
            if attempt < attempts and error.retryable and aws_monotonic() + wait < deadline:
                sleep(wait)
                continue
            _log.warning("schedule %s: %s: %s", firing.schedule["Name"], error.code, error)
            _bury(firing, attempt, error)
        return


def send_to_lambda(arn: str, payload: str) -> None:
    """Invoke a function asynchronously, as services do: two retries, then its dead-letter queue.

    Raises DeliveryError when there is no such function.
    """
    function, event = _function(arn), _event(payload)
    lambda_svc._LAMBDA_ASYNC_RETRY_BASE_SECONDS = scaled(_ASYNC_RETRY_SECONDS)
    lambda_svc.invoke_async_with_retry(function, event)


def _run_function(arn: str, payload: str) -> None:
    """The same, returning after the first attempt: until then the schedule does not fire again."""
    function, event = _function(arn), _event(payload)
    with schedule_work.at_work():
        result = lambda_svc._execute_function(function, event)
    if result.get("error"):
        _in_background(_run_again, function, event)


def _run_again(function: dict[str, Any], event: Any) -> None:
    for attempt in range(_ASYNC_RETRIES):
        sleep(_ASYNC_RETRY_SECONDS * 2**attempt)
        result = lambda_svc._execute_function(function, event)
        if not result.get("error"):
            return
    config = function.get("config") or function
    configured = function.get("event_invoke_config") or {}
    queue = configured.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")
    if queue := queue or (config.get("DeadLetterConfig") or {}).get("TargetArn"):
        lambda_svc._route_async_failure(queue, config["FunctionName"], event, result)


def _function(arn: str) -> dict[str, Any]:
    func, config, name = lambda_svc._get_func_record_for_ref(arn)
    if not func or not config:
        raise DeliveryError("ResourceNotFoundException", f"Function not found: {name}")
    found: dict[str, Any] = lambda_svc._execution_record_for_config(func, config)
    return found


def _event(payload: str) -> Any:
    try:
        return json.loads(payload)
    except ValueError:
        return {"body": payload}


def _invoke(firing: Firing, attempt: int) -> None:
    target, payload = firing.target, firing.payload(attempt)
    arn, role = target["Arn"], target["RoleArn"]
    if arn.startswith(_UNIVERSAL):
        _call(arn.removeprefix(_UNIVERSAL), role, payload)
        return
    service = parse_arn(arn).service
    _require(role, _ACTIONS.get(service, f"{service}:Invoke"), arn)
    if service == "lambda":
        _run_function(arn, payload)
        return
    event = {"EventId": firing.execution_id, "Source": "aws.scheduler", "DetailType": "Scheduled Event"}
    more = {"Detail": "{}", "Time": int(firing.scheduled_time.timestamp()), "Resources": [firing.schedule["Arn"]]}
    eventbridge._invoke_target({**target, "Input": payload}, {**event, **more}, firing.schedule)


def _call(operation: str, role: str, payload: str) -> None:
    """A universal target: an SDK call, `sfn:sendTaskSuccess` with its parameters as input."""
    service, _, action = operation.partition(":")
    _require(role, states_role.iam_action(service, action), platform.ANY_RESOURCE)
    try:
        stepfunctions._invoke_aws_sdk_integration(f"arn:aws:states:::aws-sdk:{operation}", json.loads(payload or "{}"))
    except stepfunctions._ExecutionError as error:
        raise DeliveryError(error.error, error.cause) from error


def _require(role: str, action: str, resource: str) -> None:
    if not platform.role_allows(role, action, resource, _PRINCIPAL):
        raise DeliveryError("AccessDeniedException", f"{role} is not authorized to perform {action} on {resource}")


def _bury(firing: Firing, attempts: int, error: DeliveryError) -> None:
    queue = (firing.target.get("DeadLetterConfig") or {}).get("Arn")
    if not queue:
        return
    said = {
        "ERROR_CODE": error.code,
        "ERROR_MESSAGE": str(error),
        "EXECUTION_ID": firing.execution_id,
        "RETRY_ATTEMPTS": str(attempts - 1),
        "SCHEDULED_TIME": _iso(firing.scheduled_time),
        "SCHEDULE_ARN": firing.schedule["Arn"],
        "TARGET_ARN": firing.target["Arn"],
    }
    with contextlib.suppress(DeliveryError):
        _require(firing.target["RoleArn"], "sqs:SendMessage", queue)
        attributes = {name: {"DataType": "String", "StringValue": value} for name, value in said.items() if value}
        url = "http://127.0.0.1/" + "/".join(queue.split(":")[4:])
        body = {"QueueUrl": url, "MessageBody": firing.payload(attempts), "MessageAttributes": attributes}
        headers = {"x-amz-target": "AmazonSQS.SendMessage", "content-type": "application/x-amz-json-1.0"}
        handler = app.SERVICE_HANDLERS["sqs"]
        app.call_service_handler_sync(handler, "POST", "/", headers, json.dumps(body).encode(), {})


def _iso(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
