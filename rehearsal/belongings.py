"""What exists in the account under a shop's name, listed as an operator can, and removed when a scenario is over."""

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import Any

from botocore.exceptions import ClientError

from rehearsal.ground import client
from rehearsal.process import Account

GONE_WITHIN_SECONDS = 20.0
SCHEDULE = "schedule"
# (service, paginator or operation, key of the list, key of the identifier, what it is)
_LISTINGS = (
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier", "DB instance"),
    ("rds", "describe_db_clusters", "DBClusters", "DBClusterIdentifier", "DB cluster"),
    ("rds", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier", "DB snapshot"),
    ("rds", "describe_db_cluster_snapshots", "DBClusterSnapshots", "DBClusterSnapshotIdentifier", "cluster snapshot"),
    (
        "rds",
        "describe_db_cluster_parameter_groups",
        "DBClusterParameterGroups",
        "DBClusterParameterGroupName",
        "cluster parameter group",
    ),
    ("rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName", "parameter group"),
    (
        "dms",
        "describe_replication_instances",
        "ReplicationInstances",
        "ReplicationInstanceIdentifier",
        "replication instance",
    ),
    ("dms", "describe_endpoints", "Endpoints", "EndpointIdentifier", "DMS endpoint"),
    ("dms", "describe_replication_tasks", "ReplicationTasks", "ReplicationTaskIdentifier", "replication task"),
    (
        "dms",
        "describe_replication_subnet_groups",
        "ReplicationSubnetGroups",
        "ReplicationSubnetGroupIdentifier",
        "replication subnet group",
    ),
    ("secretsmanager", "list_secrets", "SecretList", "Name", "secret"),
    ("scheduler", "list_schedules", "Schedules", "Name", SCHEDULE),
)
Thing = tuple[str, str]
"""What it is, its identifier."""


def belongings(account: Account, source: str) -> frozenset[Thing]:
    """Everything whose identifier holds the source's name."""
    return frozenset(_listed(account, source))


def _listed(account: Account, source: str) -> Iterator[Thing]:
    for service, operation, items, key, kind in _LISTINGS:
        pages = client(account, service).get_paginator(operation).paginate()
        for page in pages:
            yield from ((kind, each[key]) for each in page[items] if source in each[key])


def remove(account: Account, source: str) -> None:
    """Ends the servers of a shop and its target, whatever state they are in; raises nothing for what is gone."""
    rds = client(account, "rds")
    for name in _names(account, source, "replication task"):
        _stop_task(account, name)
    for name in _names(account, source, "DB cluster"):
        _quietly(rds.modify_db_cluster, DBClusterIdentifier=name, DeletionProtection=False)
    for name in _names(account, source, "DB instance"):
        _quietly(rds.modify_db_instance, DBInstanceIdentifier=name, DeletionProtection=False)
    deadline = time.monotonic() + GONE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        instances, clusters = _names(account, source, "DB instance"), _names(account, source, "DB cluster")
        if not (instances or clusters):
            return
        for name in instances:
            _quietly(rds.delete_db_instance, DBInstanceIdentifier=name, SkipFinalSnapshot=True)
        for name in clusters:
            _quietly(rds.delete_db_cluster, DBClusterIdentifier=name, SkipFinalSnapshot=True)
        time.sleep(0.2)


def _names(account: Account, source: str, kind: str) -> list[str]:
    listing = next(each for each in _LISTINGS if each[4] == kind)
    service, operation, items, key, _ = listing
    return [each[key] for each in getattr(client(account, service), operation)()[items] if source in each[key]]


def _stop_task(account: Account, name: str) -> None:
    dms = client(account, "dms")
    named = [{"Name": "replication-task-id", "Values": [name]}]
    for task in dms.describe_replication_tasks(Filters=named)["ReplicationTasks"]:
        _quietly(dms.stop_replication_task, ReplicationTaskArn=task["ReplicationTaskArn"])


def _quietly(call: Callable[..., Any], **arguments: Any) -> None:
    with contextlib.suppress(ClientError):
        call(**arguments)
