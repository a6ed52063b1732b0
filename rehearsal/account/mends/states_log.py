"""Executions write their history to the log group of their machine (LoggingConfiguration); ministack keeps it only."""

import json
import time
from typing import Any

from ministack.services import cloudwatch_logs, stepfunctions

_FAILURES = ("Failed", "TimedOut", "Aborted")


def apply() -> None:
    """Log every event that the machine's level asks for."""
    add_event = stepfunctions._add_event

    def logged(execution: dict[str, Any], kind: str, details: dict[str, Any] | None = None) -> Any:
        event = add_event(execution, kind, details)
        _log(execution, event)
        return event

    stepfunctions._add_event = logged


def _log(execution: dict[str, Any], event: dict[str, Any]) -> None:
    machine = stepfunctions._state_machines.get(execution["stateMachineArn"])
    # A template writes the members in upper camel case, the API in lower.
    settings = {key.lower(): value for key, value in ((machine or {}).get("loggingConfiguration") or {}).items()}
    level = settings.get("level", "OFF")
    if level == "OFF" or (level != "ALL" and not event["type"].endswith(_FAILURES)):
        return
    details: dict[str, Any] = next((value for key, value in event.items() if key.endswith("EventDetails")), {})
    if not settings.get("includeexecutiondata"):
        details = {
            key: value for key, value in details.items() if key not in ("input", "output", "parameters", "cause")
        }
    line = {"id": str(event["id"]), "type": event["type"], "details": details}
    line |= {"previous_event_id": str(event["previousEventId"]), "execution_arn": execution["executionArn"]}
    stream = f"states/{execution['executionArn'].split(':', 6)[6]}"
    for group in filter(None, map(_group_name, settings.get("destinations") or [])):
        _append(group, stream, json.dumps(line | {"event_timestamp": str(int(time.time() * 1000))}))


def _group_name(destination: dict[str, Any]) -> str:
    arn = json.dumps(destination).partition(":log-group:")[2]
    return arn.split('"')[0].split(":")[0]


def _append(group: str, stream: str, message: str) -> None:
    streams = (cloudwatch_logs._log_groups.get(group) or {}).get("streams")
    if streams is None:
        return
    now = int(time.time() * 1000)
    empty = {"events": [], "uploadSequenceToken": "1", "creationTime": now, "lastIngestionTime": None}
    target = streams.setdefault(stream, {**empty, "firstEventTimestamp": None, "lastEventTimestamp": None})
    cloudwatch_logs._append_log_events(target, [{"timestamp": now, "message": message, "ingestionTime": now}])
