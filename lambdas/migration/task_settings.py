"""What DMS is told: table mappings, task and endpoint settings (DMS User Guide, "Task settings", "Table mapping")."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any

from migration.names import SCHEMA

# DMS's own validation would read every row of both sides a second time, beside VerifyData.
_VALIDATION = {"EnableValidation": False}
LOB_LIMIT_KIB = 102_400
TargetTable = tuple[str, str]


def table_mappings(schemas: Iterable[str], partition_roots: Iterable[TargetTable]) -> str:
    """JSON that names each user schema, leaves out partition roots (their leaves are carried) and adds the marker."""
    rules = [_rule("include", schema, "%") for schema in sorted(schemas)]
    rules += [_rule("exclude", schema, table) for schema, table in sorted(partition_roots)]
    return _document([*rules, _rule("include", SCHEMA, "marker")])


def canary_mappings() -> str:
    """JSON for the canary's table alone."""
    return _document([_rule("include", SCHEMA, "canary")])


def lob_max_kib(largest_value_bytes: int) -> int:
    """LobMaxSize with room for values that grow: four times the largest, a power of two, 64 KiB to DMS's 100 MiB."""
    return min(max(64, 1 << (largest_value_bytes * 4 // 1024).bit_length()), LOB_LIMIT_KIB)


def task_settings(lob_max_size_kib: int) -> str:
    """JSON for change capture, after a full load into emptied tables if the task has one.

    Limited LOB mode: full LOB mode cannot apply in batches and inserts NULL first, which a NOT NULL column refuses
    (DMS User Guide, "LOB support"). A value above the limit stops the task (FailTasksOnLobTruncation), never cuts it.
    """
    return json.dumps(
        {
            "TargetMetadata": {
                "SupportLobs": True,
                "FullLobMode": False,
                "LimitedSizeLobMode": True,
                "LobMaxSize": lob_max_size_kib,
                "BatchApplyEnabled": True,  # about 30 times the apply rate while catching up (AWS_RULES R3.6)
            },
            "FullLoadSettings": {
                "TargetTablePrepMode": "DO_NOTHING",
                "MaxFullLoadSubTasks": 8,
                "TransactionConsistencyTimeout": 600,
                "CommitRate": 10_000,
            },
            "Logging": {
                "EnableLogging": True,
                "LogComponents": [
                    {"Id": component, "Severity": "LOGGER_SEVERITY_DEFAULT"}
                    for component in ("SOURCE_UNLOAD", "SOURCE_CAPTURE", "TARGET_LOAD", "TARGET_APPLY", "TASK_MANAGER")
                ],
            },
            "ControlTablesSettings": {"ControlSchema": SCHEMA},
            "ValidationSettings": _VALIDATION,
            "ErrorBehavior": {
                # Whatever DMS cannot apply must stop it: a skipped row is a lost write.
                "DataErrorPolicy": "STOP_TASK",
                "DataTruncationErrorPolicy": "STOP_TASK",
                "TableErrorPolicy": "STOP_TASK",
                "ApplyErrorDeletePolicy": "STOP_TASK",
                "ApplyErrorInsertPolicy": "STOP_TASK",
                "ApplyErrorUpdatePolicy": "STOP_TASK",
                "ApplyErrorFailOnTruncationDdl": True,
                "FullLoadIgnoreConflicts": False,
                "FailOnNoTablesCaptured": True,
            },
            "ChangeProcessingDdlHandlingPolicy": {
                "HandleSourceTableDropped": False,
                "HandleSourceTableTruncated": False,
                "HandleSourceTableAltered": False,
            },
        }
    )


def source_endpoint_settings(secret_arn: str, secrets_role_arn: str, database: str) -> dict[str, Any]:
    """PostgreSQLSettings of the side that is read. No DDL artifacts; a heartbeat, because an idle slot keeps WAL."""
    return {
        "SecretsManagerAccessRoleArn": secrets_role_arn,
        "SecretsManagerSecretId": secret_arn,
        "DatabaseName": database,
        "CaptureDdls": False,
        "HeartbeatEnable": True,
        "HeartbeatSchema": SCHEMA,
        "HeartbeatFrequency": 1,
        "FailTasksOnLobTruncation": True,
    }


def reverse_source_endpoint_settings(
    secret_arn: str, secrets_role_arn: str, database: str, slot: str
) -> dict[str, Any]:
    """Like `source_endpoint_settings`, reading a slot that we make (reverse_slot.PLUGIN), so at a known position."""
    ours = {"SlotName": slot, "PluginName": "test-decoding"}
    return source_endpoint_settings(secret_arn, secrets_role_arn, database) | ours


def target_endpoint_settings(secret_arn: str, secrets_role_arn: str, database: str) -> dict[str, Any]:
    """PostgreSQLSettings of the side that is written: no trigger, foreign key or guard fires (AWS_RULES R3.3)."""
    return {
        "SecretsManagerAccessRoleArn": secrets_role_arn,
        "SecretsManagerSecretId": secret_arn,
        "DatabaseName": database,
        "AfterConnectScript": "SET session_replication_role='replica'",
    }


def _document(rules: list[dict[str, Any]]) -> str:
    numbered = [rule | {"rule-id": str(number), "rule-name": str(number)} for number, rule in enumerate(rules, 1)]
    return json.dumps({"rules": numbered})


def _rule(action: str, schema: str, table: str) -> dict[str, Any]:
    locator = {"schema-name": _exact(schema), "table-name": table if table == "%" else _exact(table)}
    return {"rule-type": "selection", "object-locator": locator, "rule-action": action}


def _exact(name: str) -> str:
    """A name without wildcards: `order_items` → `order[_]items`."""
    return re.sub(r"([%_])", r"[\1]", name)
