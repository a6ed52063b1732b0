"""Task settings: AWS's defaults, the checks on what is given, and the few values the engine acts on."""

from __future__ import annotations

import copy
import json
from dataclasses import dataclass
from typing import Any

from rehearsal.account.dms.faults import invalid_value

DEFAULTS: dict[str, dict[str, Any]] = {
    "TargetMetadata": {
        "TargetSchema": "",
        "SupportLobs": True,
        "FullLobMode": False,
        "LobChunkSize": 64,
        "LimitedSizeLobMode": True,
        "LobMaxSize": 32,
        "InlineLobMaxSize": 0,
        "BatchApplyEnabled": False,
        "ParallelLoadThreads": 0,
        "ParallelLoadBufferSize": 0,
        "ParallelApplyThreads": 0,
        "ParallelApplyBufferSize": 0,
        "ParallelApplyQueuesPerThread": 0,
        "TaskRecoveryTableEnabled": False,
    },
    "FullLoadSettings": {
        "TargetTablePrepMode": "DO_NOTHING",
        "CreatePkAfterFullLoad": False,
        "StopTaskCachedChangesApplied": False,
        "StopTaskCachedChangesNotApplied": False,
        "MaxFullLoadSubTasks": 8,
        "TransactionConsistencyTimeout": 600,
        "CommitRate": 10000,
    },
    "Logging": {"EnableLogging": False, "LogComponents": []},
    "ControlTablesSettings": {
        "ControlSchema": "",
        "HistoryTimeslotInMinutes": 5,
        "HistoryTableEnabled": False,
        "SuspendedTablesTableEnabled": False,
        "StatusTableEnabled": False,
        "FullLoadExceptionTableEnabled": False,
    },
    "ValidationSettings": {"EnableValidation": False, "ThreadCount": 5, "ValidationOnly": False},
    "StreamBufferSettings": {},
    "ChangeProcessingTuning": {},
    "ChangeProcessingDdlHandlingPolicy": {},
    "ErrorBehavior": {
        "DataErrorPolicy": "LOG_ERROR",
        "DataTruncationErrorPolicy": "LOG_ERROR",
        "DataErrorEscalationPolicy": "SUSPEND_TABLE",
        "DataErrorEscalationCount": 0,
        "TableErrorPolicy": "SUSPEND_TABLE",
        "TableErrorEscalationPolicy": "STOP_TASK",
        "TableErrorEscalationCount": 0,
        "RecoverableErrorCount": -1,
        "RecoverableErrorInterval": 5,
        "RecoverableErrorThrottling": True,
        "RecoverableErrorThrottlingMax": 1800,
        "RecoverableErrorStopRetryAfterThrottlingMax": True,
        "ApplyErrorDeletePolicy": "IGNORE_RECORD",
        "ApplyErrorInsertPolicy": "LOG_ERROR",
        "ApplyErrorUpdatePolicy": "LOG_ERROR",
        "ApplyErrorEscalationPolicy": "LOG_ERROR",
        "ApplyErrorEscalationCount": 0,
        "ApplyErrorFailOnTruncationDdl": False,
        "FullLoadIgnoreConflicts": True,
        "FailOnTransactionConsistencyBreached": False,
        "FailOnNoTablesCaptured": True,
    },
    "TTSettings": {},
    "LoopbackPreventionSettings": {},
    "PostProcessingRules": {},
    "CharacterSetSettings": {},
    "BeforeImageSettings": {},
}
SCALARS = ("FailTaskWhenCleanTaskResourceFailed",)
ERROR_POLICIES = ("IGNORE_RECORD", "LOG_ERROR", "SUSPEND_TABLE", "STOP_TASK", "INSERT_RECORD", "UPDATE_RECORD")
PREP_MODES = ("DO_NOTHING", "TRUNCATE_BEFORE_LOAD", "DROP_AND_CREATE")


@dataclass(frozen=True)
class TaskSettings:
    """What the engine acts on. `lob_limit_bytes` is None when large values are carried whole."""

    prep_mode: str
    max_sub_tasks: int
    lob_limit_bytes: int | None
    control_schema: str
    logging: bool
    validation: bool
    stops_on_table_error: bool
    stops_on_insert_error: bool
    stops_on_update_error: bool
    stops_on_delete_error: bool
    stop_after_cached_changes: bool
    stop_before_cached_changes: bool
    document: str
    """The whole settings as DescribeReplicationTasks shows them."""


def parse_settings(text: str | None) -> TaskSettings:
    """Merge ReplicationTaskSettings over AWS's defaults. Raises InvalidParameterValueException."""
    given = _document(text) if text else {}
    merged: dict[str, Any] = copy.deepcopy(DEFAULTS)
    for section, values in given.items():
        if section in SCALARS or values is None:
            continue
        if section not in merged:
            raise invalid_value(f"Invalid task settings: unknown section {section}")
        if not isinstance(values, dict):
            raise invalid_value(f"Invalid task settings: section {section} must be an object")
        _check_types(section, values)
        merged[section].update(values)
    _check(merged)
    return _settings(merged)


def _document(text: str) -> dict[str, Any]:
    try:
        document = json.loads(text)
    except ValueError as error:
        raise invalid_value(f"Invalid task settings: not a JSON document: {error}") from error
    if not isinstance(document, dict):
        raise invalid_value("Invalid task settings: the document must be an object")
    return document


def _check_types(section: str, values: dict[str, Any]) -> None:
    for key, value in values.items():
        default = DEFAULTS[section].get(key)
        if default is not None and value is not None and type(default) is not type(value):
            raise invalid_value(
                f"Invalid task settings: {section}.{key} must be a {type(default).__name__}, not {value!r}"
            )


def _check(merged: dict[str, Any]) -> None:
    metadata, load = merged["TargetMetadata"], merged["FullLoadSettings"]
    if load["TargetTablePrepMode"] not in PREP_MODES:
        raise invalid_value(f"Invalid task settings: TargetTablePrepMode must be one of {', '.join(PREP_MODES)}")
    if not 1 <= load["MaxFullLoadSubTasks"] <= 49:
        raise invalid_value("Invalid task settings: MaxFullLoadSubTasks must be between 1 and 49")
    if metadata["SupportLobs"] and metadata["FullLobMode"] == metadata["LimitedSizeLobMode"]:
        raise invalid_value("Invalid task settings: exactly one of FullLobMode and LimitedSizeLobMode must be true")
    if not 0 <= metadata["LobMaxSize"] <= 102_400:
        raise invalid_value("Invalid task settings: LobMaxSize must be between 0 and 102400 (KB)")
    for key, value in merged["ErrorBehavior"].items():
        if key.endswith("Policy") and value not in ERROR_POLICIES:
            raise invalid_value(f"Invalid task settings: ErrorBehavior.{key} is {value!r}")


def _settings(merged: dict[str, Any]) -> TaskSettings:
    metadata, load = merged["TargetMetadata"], merged["FullLoadSettings"]
    stops = {key for key, value in merged["ErrorBehavior"].items() if value == "STOP_TASK"}
    limited = metadata["SupportLobs"] and metadata["LimitedSizeLobMode"] and metadata["LobMaxSize"] > 0
    return TaskSettings(
        prep_mode=load["TargetTablePrepMode"],
        max_sub_tasks=load["MaxFullLoadSubTasks"],
        lob_limit_bytes=metadata["LobMaxSize"] * 1024 if limited else None,
        control_schema=merged["ControlTablesSettings"]["ControlSchema"] or "public",
        logging=merged["Logging"]["EnableLogging"],
        validation=merged["ValidationSettings"]["EnableValidation"],
        stops_on_table_error="TableErrorPolicy" in stops,
        stops_on_insert_error="ApplyErrorInsertPolicy" in stops,
        stops_on_update_error="ApplyErrorUpdatePolicy" in stops,
        stops_on_delete_error="ApplyErrorDeletePolicy" in stops,
        stop_after_cached_changes=load["StopTaskCachedChangesApplied"],
        stop_before_cached_changes=load["StopTaskCachedChangesNotApplied"],
        document=json.dumps(merged),
    )
