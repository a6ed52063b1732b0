"""The one table of the functions: what each may do and is told, how long and large it may be, and where it runs.

tests/contract/test_permissions.py compares each row with the calls its code can reach: neither less nor more.
"""

from __future__ import annotations

from dataclasses import dataclass

from stacks.grants import Grant, Grants
from stacks.names import Arns

# Every function's environment.
LOGGING = ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL")
DATABASE = "CROSSFADE_DATABASE_CA"
LEDGER = "CROSSFADE_TABLE"
TOPIC = "CROSSFADE_TOPIC_ARN"
SOURCES = "CROSSFADE_SOURCES_PREFIX"
WRITER = "CROSSFADE_WRITER_PREFIX"
DMS_ROLE = "CROSSFADE_DMS_SECRETS_ROLE_ARN"
SCHEDULES = ("CROSSFADE_SCHEDULE_GROUP", "CROSSFADE_SCHEDULER_ROLE_ARN", "CROSSFADE_SCHEDULE_DLQ_ARN")
ONE_VCPU_MB = 1769  # Lambda gives CPU by memory; here it is one whole core (Lambda developer guide, "Configure memory")


@dataclass(frozen=True)
class FunctionRow:
    """One function. `timeout_seconds` ends it before the state's own TimeoutSeconds would."""

    package: str
    name: str
    grants: list[Grant]
    environment: tuple[str, ...]
    timeout_seconds: int = 110
    memory_mb: int = 512
    in_vpc: bool = False
    asynchronous: bool = False


def function_rows(arns: Arns) -> list[FunctionRow]:
    """Tasks in the order of the state machine, then operations, then what EventBridge calls."""
    may = Grants(arns)
    return [*_forward(may), *_compensations(may), *_operations(may), *_events(may)]


def _task(name: str, grants: list[Grant], *environment: str, **shape: int | bool) -> FunctionRow:
    return FunctionRow("tasks", name, grants, (*environment, *LOGGING), **shape)  # type: ignore[arg-type]


def _forward(may: Grants) -> list[FunctionRow]:
    ledger = may.ledger("GetItem", "UpdateItem")
    return [
        _task(
            "AssessSource",
            [
                may.source_settings(),
                may.source_instance("DescribeDBInstances", "DescribePendingMaintenanceActions"),
                may.rds_any("pg subgrp", "DescribeDBParameters", "DescribeDBSubnetGroups"),
                may.anywhere("rds:DescribeDBEngineVersions", "rds:DescribeOrderableDBInstanceOptions"),
                may.source_secrets(),
                may.dns("ListResourceRecordSets"),
            ],
            SOURCES,
            DATABASE,
            in_vpc=True,
        ),
        _task("ClaimMigration", [ledger, may.executions()], LEDGER),
        _task(
            "PrepareSource",
            [
                ledger,
                may.source_secrets(),
                may.dms_secrets("CreateSecret", "PutSecretValue", "GetSecretValue", "TagResource"),
                may.anywhere("secretsmanager:GetRandomPassword"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
                may.dns_changes(),
                may.published_writer("PutParameter"),
            ],
            LEDGER,
            WRITER,
            DATABASE,
            in_vpc=True,
        ),
        _task("SnapshotSource", [may.source_instance("CreateDBSnapshot")]),
        _task("AwaitSnapshot", []),
        _task("CreateTarget", []),
        _task("AwaitTarget", [], LEDGER),
        _task("StartReplication", [], LEDGER, DMS_ROLE, DATABASE, in_vpc=True, timeout_seconds=590),
        _task("AwaitReplication", [], LEDGER, DATABASE, in_vpc=True),
        _task("VerifyData", [], DATABASE, in_vpc=True, timeout_seconds=890, memory_mb=ONE_VCPU_MB),
        _task("DrillFailover", [], LEDGER, DATABASE, in_vpc=True, timeout_seconds=890),
        _task("ShiftReads", [], LEDGER, *SCHEDULES, "CROSSFADE_STEP_READS_ARN"),
        _task("RequestCutover", [], LEDGER, TOPIC),
        _task("CutOver", [], LEDGER, WRITER, DATABASE, in_vpc=True, timeout_seconds=140, memory_mb=ONE_VCPU_MB),
        _task("Bake", [], LEDGER, TOPIC, DATABASE, *SCHEDULES, "CROSSFADE_FINISH_BAKE_ARN", in_vpc=True),
        _task("Complete", [], LEDGER, TOPIC, *SCHEDULES, "CROSSFADE_REMIND_RETIREMENT_ARN", timeout_seconds=290),
    ]


def _compensations(may: Grants) -> list[FunctionRow]:
    return [
        _task("UnfenceSource", [], LEDGER, DATABASE, in_vpc=True),
        _task("RestoreReads", [], LEDGER, *SCHEDULES),
        _task("StopReplication", [], LEDGER, DATABASE, in_vpc=True),
        _task("DiscardTarget", [], LEDGER, WRITER, DATABASE, in_vpc=True),
    ]


def _operations(may: Grants) -> list[FunctionRow]:
    return [
        FunctionRow("operations", name, [], (LEDGER, *LOGGING), timeout_seconds=30) for name in ("Approve", "Reject")
    ]


def _events(may: Grants) -> list[FunctionRow]:
    return [
        FunctionRow("events", "StepReads", [], (LEDGER, *SCHEDULES, *LOGGING), in_vpc=True, asynchronous=True),
        FunctionRow("events", "FinishBake", [], (LEDGER, *LOGGING), timeout_seconds=30, asynchronous=True),
        FunctionRow("events", "RemindRetirement", [], (TOPIC, *LOGGING), timeout_seconds=30, asynchronous=True),
        FunctionRow("events", "AnnounceOutcome", [], (TOPIC, *LOGGING), timeout_seconds=30, asynchronous=True),
    ]
