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
    return [
        *_preparing(may),
        *_making_the_target(may),
        *_moving(may),
        *_compensations(may),
        *_operations(may),
        *_events(may),
    ]


def _task(name: str, grants: list[Grant], *environment: str, **shape: int | bool) -> FunctionRow:
    return FunctionRow("tasks", name, grants, (*environment, *LOGGING), **shape)  # type: ignore[arg-type]


def _preparing(may: Grants) -> list[FunctionRow]:
    return [
        _task(
            "AssessSource",
            [
                may.source_settings(),
                may.source_secrets(),
                may.source_instance("DescribeDBInstances"),
                may.rds_any("pg:*", "DescribeDBParameters"),
                may.anywhere("rds:DescribeDBEngineVersions", "rds:DescribeOrderableDBInstanceOptions"),
                may.anywhere("dms:DescribeOrderableReplicationInstances"),
                may.dns("ListResourceRecordSets"),
                may.ledger("GetItem"),
                may.executions(),
            ],
            SOURCES,
            LEDGER,
            DATABASE,
            in_vpc=True,
        ),
        _task("ClaimMigration", [may.ledger("GetItem", "UpdateItem"), may.executions()], LEDGER),
        _task(
            "PrepareSource",
            [
                may.ledger("UpdateItem"),
                may.source_instance("DescribeDBInstances", "ModifyDBInstance"),
                may.source_secrets(),
                may.dms_secrets("GetSecretValue", "CreateSecret", "PutSecretValue", "TagResource"),
                may.anywhere("secretsmanager:GetRandomPassword"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
                may.published_writer("GetParameter", "PutParameter"),
            ],
            LEDGER,
            WRITER,
            DATABASE,
            in_vpc=True,
        ),
        _task(
            "SnapshotSource",
            [
                may.source_instance("CreateDBSnapshot"),
                may.target("snapshot", "CreateDBSnapshot", "AddTagsToResource"),
            ],
        ),
        _task("AwaitSnapshot", [may.target("snapshot", "DescribeDBSnapshots")]),
    ]


def _making_the_target(may: Grants) -> list[FunctionRow]:
    return [
        _task(
            "CreateTarget",
            [
                may.source_instance("DescribeDBInstances"),
                may.target("cluster-pg", "CreateDBClusterParameterGroup", "ModifyDBClusterParameterGroup"),
                may.target("cluster cluster-pg snapshot", "RestoreDBClusterFromSnapshot"),
                may.target("cluster db", "CreateDBInstance"),
                may.rds_any("subgrp:* og:default:*", "RestoreDBClusterFromSnapshot", "CreateDBInstance"),
                may.rds_any("pg:default.*", "CreateDBInstance"),
                may.target("cluster cluster-pg db", "AddTagsToResource"),
                may.target("cluster", "DescribeDBClusters"),
                *may.keys("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKey"),
            ],
        ),
        _task(
            "AwaitTarget",
            [
                may.target("cluster", "DescribeDBClusters", "ModifyDBCluster"),
                may.target("db", "DescribeDBInstances"),
                may.cluster_secrets("CreateSecret", "TagResource"),
                may.describe_keys(),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
            ],
        ),
        _task(
            "StartReplication",
            [
                may.ledger("GetItem", "UpdateItem"),
                may.target("cluster-pg", "ModifyDBClusterParameterGroup"),
                *_both_databases(may),
                may.dms_secrets("GetSecretValue", "CreateSecret", "PutSecretValue", "TagResource"),
                may.pass_to_dms(),
                may.dms("subgrp", "CreateReplicationSubnetGroup", "AddTagsToResource"),
                may.dms("rep", "CreateReplicationInstance", "AddTagsToResource"),
                may.dms("subgrp", "CreateReplicationInstance"),
                may.dms("endpoint", "CreateEndpoint", "AddTagsToResource"),
                may.dms("rep endpoint", "TestConnection"),
                may.dms("rep endpoint task", "CreateReplicationTask"),
                may.dms("task", "StartReplicationTask", "AddTagsToResource"),
                may.anywhere(
                    "dms:DescribeConnections",
                    "dms:DescribeEndpoints",
                    "dms:DescribeReplicationInstances",
                    "dms:DescribeReplicationSubnetGroups",
                    "dms:DescribeReplicationTasks",
                ),
            ],
            LEDGER,
            DMS_ROLE,
            DATABASE,
            in_vpc=True,
            timeout_seconds=590,
        ),
        _task(
            "AwaitReplication",
            [
                may.ledger("UpdateItem"),
                *_both_databases(may),
                may.dms("task", "DescribeTableStatistics"),
                may.anywhere("dms:DescribeReplicationTasks", "cloudwatch:GetMetricData"),
            ],
            LEDGER,
            DATABASE,
            in_vpc=True,
        ),
        _task("VerifyData", _both_databases(may), DATABASE, in_vpc=True, timeout_seconds=890, memory_mb=ONE_VCPU_MB),
        _task("DrillFailover", [], LEDGER, DATABASE, in_vpc=True, timeout_seconds=890),
    ]


def _moving(may: Grants) -> list[FunctionRow]:
    ledger = may.ledger("GetItem", "UpdateItem")
    return [
        _task("ShiftReads", [ledger], LEDGER, *SCHEDULES, "CROSSFADE_STEP_READS_ARN"),
        _task("RequestCutover", [ledger], LEDGER, TOPIC),
        _task("CutOver", [ledger], LEDGER, WRITER, DATABASE, in_vpc=True, timeout_seconds=140, memory_mb=ONE_VCPU_MB),
        _task("Bake", [ledger], LEDGER, TOPIC, DATABASE, *SCHEDULES, "CROSSFADE_FINISH_BAKE_ARN", in_vpc=True),
        _task("Complete", [ledger], LEDGER, TOPIC, *SCHEDULES, "CROSSFADE_REMIND_RETIREMENT_ARN", timeout_seconds=290),
    ]


def _compensations(may: Grants) -> list[FunctionRow]:
    return [
        _task("UnfenceSource", [may.ledger("GetItem", "UpdateItem")], LEDGER, DATABASE, in_vpc=True),
        _task("RestoreReads", [may.ledger("GetItem", "UpdateItem")], LEDGER, *SCHEDULES),
        _task(
            "StopReplication",
            [
                may.ledger("GetItem", "UpdateItem"),
                may.source_secrets(),
                may.dms_secrets("DeleteSecret"),
                *_retiring_dms(may),
            ],
            LEDGER,
            DATABASE,
            in_vpc=True,
        ),
        _task(
            "DiscardTarget",
            [
                may.ledger("GetItem", "UpdateItem", "DeleteItem"),
                *_both_databases(may),
                may.source_instance("ModifyDBInstance"),
                may.target("cluster", "DescribeDBClusters", "ModifyDBCluster", "DeleteDBCluster"),
                may.target("db", "DescribeDBInstances", "DeleteDBInstance"),
                may.target("cluster-pg", "DeleteDBClusterParameterGroup"),
                may.target("snapshot", "DeleteDBSnapshot"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
            ],
            LEDGER,
            DATABASE,
            in_vpc=True,
        ),
    ]


def _both_databases(may: Grants) -> list[Grant]:
    """Passwords of both sides."""
    return [may.source_secrets(), may.cluster_secrets("GetSecretValue"), *may.keys("Decrypt")]


def _retiring_dms(may: Grants) -> list[Grant]:
    return [
        may.dms("task", "StopReplicationTask", "DeleteReplicationTask"),
        may.dms("endpoint", "DeleteEndpoint"),
        may.dms("rep", "DeleteReplicationInstance"),
        may.dms("subgrp", "DeleteReplicationSubnetGroup"),
        may.anywhere("dms:DescribeEndpoints", "dms:DescribeReplicationInstances", "dms:DescribeReplicationTasks"),
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
