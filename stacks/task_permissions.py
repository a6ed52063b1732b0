"""The one table of the functions: what each may do and is told, how long and large it may be, and where it runs.

tests/contract/test_permissions.py compares each row with the calls its code can reach: neither less nor more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from stacks.grants import Grant, Grants
from stacks.names import Arns

LOGGING = ("POWERTOOLS_SERVICE_NAME", "POWERTOOLS_LOG_LEVEL")
DATABASE = "CROSSFADE_DATABASE_CA"
LEDGER = "CROSSFADE_TABLE"
TOPIC = "CROSSFADE_TOPIC_ARN"
MACHINE = "CROSSFADE_STATE_MACHINE_ARN"
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


def _task(name: str, grants: list[Grant], environment: tuple[str, ...] = (), **shape: Any) -> FunctionRow:
    return FunctionRow("tasks", name, grants, (*environment, *LOGGING), **shape)


def _short(
    package: str, name: str, grants: list[Grant], environment: tuple[str, ...], timeout_seconds: int = 30, **shape: Any
) -> FunctionRow:
    """What a person or EventBridge calls; the latter waits for no answer."""
    everything = (*environment, *LOGGING)
    return FunctionRow(package, name, grants, everything, timeout_seconds, asynchronous=package == "events", **shape)


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
            (SOURCES, LEDGER, DATABASE),
            in_vpc=True,
        ),
        _task("ClaimMigration", [may.ledger("GetItem", "UpdateItem"), may.executions()], (LEDGER,)),
        _task(
            "PrepareSource",
            [
                may.ledger("GetItem", "UpdateItem"),
                may.source_secrets(),
                may.source_instance("DescribeDBInstances", "ModifyDBInstance"),
                may.dms_secrets("GetSecretValue", "CreateSecret", "PutSecretValue", "TagResource"),
                may.anywhere("secretsmanager:GetRandomPassword"),
                may.published_writer("GetParameter", "PutParameter"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
            ],
            (LEDGER, WRITER, DATABASE),
            in_vpc=True,
        ),
        _task(
            "SnapshotSource",
            [
                may.ledger("GetItem"),
                may.source_instance("CreateDBSnapshot"),
                may.target("snapshot", "CreateDBSnapshot", "AddTagsToResource"),
            ],
            (LEDGER,),
        ),
        _task("AwaitSnapshot", [may.ledger("GetItem"), may.target("snapshot", "DescribeDBSnapshots")], (LEDGER,)),
    ]


def _making_the_target(may: Grants) -> list[FunctionRow]:
    return [
        _task(
            "CreateTarget",
            [
                may.ledger("GetItem"),
                may.source_instance("DescribeDBInstances"),
                may.target("cluster-pg", "CreateDBClusterParameterGroup", "ModifyDBClusterParameterGroup"),
                may.target("cluster cluster-pg snapshot", "RestoreDBClusterFromSnapshot"),
                may.rds_any("subgrp:* og:default:*", "RestoreDBClusterFromSnapshot"),
                may.target("cluster cluster-pg", "AddTagsToResource"),
                may.target("cluster", "DescribeDBClusters"),
                *may.keys("CreateGrant", "Decrypt", "DescribeKey", "GenerateDataKey"),
            ],
            (LEDGER,),
        ),
        _task(
            "AwaitTarget",
            [
                may.ledger("GetItem"),
                may.target("cluster", "DescribeDBClusters", "ModifyDBCluster", "CreateDBInstance"),
                may.target("db", "DescribeDBInstances", "CreateDBInstance", "AddTagsToResource"),
                may.rds_any("subgrp:* og:default:* pg:default.*", "CreateDBInstance"),
                may.cluster_secrets("CreateSecret", "TagResource"),
                may.describe_keys(),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
            ],
            (LEDGER,),
        ),
        _task(
            "StartReplication",
            [
                may.ledger("GetItem", "UpdateItem"),
                *may.both_databases(),
                may.dms_secrets("GetSecretValue", "CreateSecret", "PutSecretValue", "TagResource"),
                may.pass_to_dms(),
                may.target("cluster-pg", "ModifyDBClusterParameterGroup"),
                may.dms("subgrp", "CreateReplicationSubnetGroup", "AddTagsToResource"),
                may.dms("rep subgrp", "CreateReplicationInstance", "AddTagsToResource"),
                may.dms("endpoint", "CreateEndpoint", "AddTagsToResource"),
                may.dms("endpoint rep", "TestConnection"),
                may.dms("task endpoint rep", "CreateReplicationTask", "AddTagsToResource"),
                may.dms("task", "StartReplicationTask"),
                may.anywhere("dms:DescribeConnections", "dms:DescribeEndpoints", "dms:DescribeReplicationInstances"),
                may.anywhere("dms:DescribeReplicationSubnetGroups", "dms:DescribeReplicationTasks"),
            ],
            (LEDGER, DMS_ROLE, DATABASE),
            in_vpc=True,
            timeout_seconds=590,
        ),
        _task(
            "AwaitReplication",
            [
                may.ledger("GetItem", "UpdateItem"),
                *may.both_databases(),
                may.dms("task", "DescribeTableStatistics"),
                may.anywhere("dms:DescribeReplicationTasks", "cloudwatch:GetMetricData"),
            ],
            (LEDGER, DATABASE),
            in_vpc=True,
        ),
    ]


def _moving(may: Grants) -> list[FunctionRow]:
    ledger, both = may.ledger("GetItem", "UpdateItem"), may.both_databases()
    return [
        _task(
            "VerifyData", [ledger, *both], (LEDGER, DATABASE), in_vpc=True, timeout_seconds=890, memory_mb=ONE_VCPU_MB
        ),
        _task(
            "DrillFailover",
            [
                ledger,
                *both,
                may.target("cluster", "DescribeDBClusters", "FailoverDBCluster"),
                may.target("db", "DescribeDBInstances"),
            ],
            (LEDGER, DATABASE),
            in_vpc=True,
            timeout_seconds=890,
        ),
        _task(
            "PrepareReverse",
            [
                ledger,
                *both,
                may.dms_secrets("GetSecretValue", "CreateSecret", "PutSecretValue", "TagResource"),
                may.pass_to_dms(),
                may.dms("endpoint", "CreateEndpoint", "AddTagsToResource"),
                may.dms("endpoint rep", "TestConnection"),
                may.dms("task endpoint rep", "CreateReplicationTask", "AddTagsToResource"),
                may.dms("task", "StartReplicationTask", "StopReplicationTask", "DeleteReplicationTask"),
                may.anywhere("dms:DescribeConnections", "dms:DescribeEndpoints", "dms:DescribeReplicationInstances"),
                may.anywhere("dms:DescribeReplicationTasks"),
            ],
            (LEDGER, DMS_ROLE, DATABASE),
            in_vpc=True,
        ),
        _task(
            "ShiftReads",
            [ledger, may.schedules("CreateSchedule", "DeleteSchedule"), may.pass_to_scheduler()],
            (LEDGER, *SCHEDULES, "CROSSFADE_STEP_READS_ARN"),
        ),
        _task("RequestCutover", [ledger, may.notices(), may.tokens("SendTaskSuccess")], (LEDGER, TOPIC)),
        *_moves(may, "CutOver", "FinishCutOver"),
        _task(
            "Bake",
            [
                ledger,
                *both,
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
                may.dns_changes(),
                may.dms("task", "StartReplicationTask", "StopReplicationTask"),
                may.anywhere("dms:DescribeReplicationTasks"),
                *may.scheduling(),
                may.schedules("DeleteSchedule"),
                may.tokens("SendTaskSuccess"),
                may.notices(),
            ],
            (LEDGER, TOPIC, DATABASE, *SCHEDULES, "CROSSFADE_FINISH_BAKE_ARN", "CROSSFADE_WATCH_REVERSE_ARN"),
            in_vpc=True,
        ),
        _task(
            "Complete",
            [
                may.ledger("GetItem", "UpdateItem", "DeleteItem"),
                *both,
                may.source_instance("DescribeDBInstances", "ModifyDBInstance", "CreateDBSnapshot"),
                may.target("snapshot", "CreateDBSnapshot", "AddTagsToResource", "DescribeDBSnapshots"),
                may.dms_secrets("DeleteSecret"),
                *may.retiring_dms(),
                *may.scheduling(),
                may.schedules("DeleteSchedule"),
                may.notices(),
            ],
            (LEDGER, TOPIC, DATABASE, *SCHEDULES, "CROSSFADE_REMIND_RETIREMENT_ARN"),
            in_vpc=True,
            timeout_seconds=290,
        ),
    ]


def _moves(may: Grants, *names: str) -> list[FunctionRow]:
    """What moves the writer, in either direction: inside the stall a whole core counts."""
    grants = [
        may.ledger("GetItem", "UpdateItem"),
        *may.both_databases(),
        may.published_writer("GetParameter", "PutParameter"),
        may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
    ]
    shape: dict[str, Any] = {"in_vpc": True, "timeout_seconds": 140, "memory_mb": ONE_VCPU_MB}
    return [_task(name, grants, (LEDGER, WRITER, DATABASE), **shape) for name in names]


def _compensations(may: Grants) -> list[FunctionRow]:
    ledger = may.ledger("GetItem", "UpdateItem")
    return [
        *_moves(may, "SwitchBack", "FinishSwitchBack"),
        _task("UnfenceTarget", [ledger, *may.both_databases(), may.notices()], (LEDGER, TOPIC, DATABASE), in_vpc=True),
        _task("UnfenceSource", [ledger, *may.both_databases()], (LEDGER, DATABASE), in_vpc=True),
        _task(
            "RestoreReads",
            [
                ledger,
                may.schedules("DeleteSchedule"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
                may.dns_changes(),
                *may.both_databases(),
            ],
            (LEDGER, DATABASE, *SCHEDULES),
            in_vpc=True,
        ),
        _task(
            "StopReplication",
            [
                ledger,
                *may.both_databases(),
                may.dms_secrets("DeleteSecret"),
                *may.retiring_dms(),
                may.schedules("DeleteSchedule"),
            ],
            (LEDGER, DATABASE, *SCHEDULES),
            in_vpc=True,
        ),
        _task(
            "KeepTarget",
            [
                may.ledger("GetItem", "UpdateItem", "DeleteItem"),
                may.source_secrets(),
                *may.keys("Decrypt"),
                may.source_instance("ModifyDBInstance"),
                may.target("snapshot", "DeleteDBSnapshot"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
            ],
            (LEDGER, DATABASE),
            in_vpc=True,
        ),
        _task(
            "DiscardTarget",
            [
                may.ledger("GetItem", "UpdateItem", "DeleteItem"),
                *may.both_databases(),
                may.source_instance("ModifyDBInstance"),
                may.target("cluster", "DescribeDBClusters", "ModifyDBCluster", "DeleteDBCluster"),
                may.target("db", "DescribeDBInstances", "DeleteDBInstance"),
                may.target("cluster-pg", "DeleteDBClusterParameterGroup"),
                may.target("snapshot", "DeleteDBSnapshot"),
                may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
            ],
            (LEDGER, DATABASE),
            in_vpc=True,
        ),
        _task("RecallMigration", [ledger, may.executions(), may.schedules("DeleteSchedule")], (LEDGER, *SCHEDULES)),
    ]


def _operations(may: Grants) -> list[FunctionRow]:
    ledger = may.ledger("GetItem", "UpdateItem")
    return [
        _short("operations", "Approve", [ledger, may.tokens("SendTaskSuccess")], (LEDGER,)),
        _short("operations", "Reject", [ledger, may.tokens("SendTaskFailure")], (LEDGER,)),
        *(
            _short(
                "operations",
                name,
                [ledger, may.tokens("SendTaskFailure"), may.executions(), may.take_over()],
                (LEDGER, MACHINE),
            )
            for name in ("Abort", "RollBack")
        ),
        _short(
            "operations",
            "CompleteEarly",
            [
                ledger,
                may.tokens("SendTaskSuccess"),
                may.executions(),
                may.take_over(),
                may.schedules("DeleteSchedule"),
            ],
            (LEDGER, MACHINE, *SCHEDULES),
        ),
        *(_short("operations", name, [ledger], (LEDGER,)) for name in ("Pause", "Resume")),
        _short(
            "operations",
            "Status",
            [
                may.ledger("GetItem"),
                may.executions(),
                may.history(),
                may.dns("ListResourceRecordSets"),
                may.anywhere("dms:DescribeReplicationTasks", "cloudwatch:GetMetricData"),
            ],
            (LEDGER,),
        ),
    ]


def _events(may: Grants) -> list[FunctionRow]:
    stepping = [
        may.ledger("GetItem", "UpdateItem"),
        *may.both_databases(),
        may.target("cluster", "DescribeDBClusters"),
        may.target("db", "DescribeDBInstances"),
        may.anywhere("dms:DescribeReplicationTasks", "cloudwatch:GetMetricData"),
        may.dns("ListResourceRecordSets", "ChangeResourceRecordSets"),
        may.schedules("DeleteSchedule"),
        may.tokens("SendTaskHeartbeat", "SendTaskSuccess", "SendTaskFailure"),
    ]
    watching = [
        may.ledger("GetItem", "UpdateItem"),
        *may.both_databases(),
        may.anywhere("dms:DescribeReplicationTasks"),
        may.our_metrics(),
        may.schedules("DeleteSchedule"),
        may.notices(),
    ]
    announcing = [may.ledger("GetItem"), may.executions(), may.history(), may.notices()]
    finishing = [may.ledger("GetItem", "UpdateItem"), may.tokens("SendTaskSuccess")]
    return [
        _short("events", "StepReads", stepping, (LEDGER, DATABASE, *SCHEDULES), timeout_seconds=60, in_vpc=True),
        _short(
            "events", "WatchReverse", watching, (LEDGER, TOPIC, DATABASE, *SCHEDULES), timeout_seconds=50, in_vpc=True
        ),
        _short("events", "FinishBake", finishing, (LEDGER,)),
        _short("events", "RemindRetirement", [may.notices()], (TOPIC,)),
        _short("events", "AnnounceOutcome", announcing, (LEDGER, TOPIC)),
        _short("events", "UndoStopped", [may.ledger("GetItem"), may.executions(), may.take_over()], (LEDGER, MACHINE)),
    ]
