"""The resources that IAM checks for a call, as the Service Authorization Reference lists them.

A call is allowed when each of its resources is. ministack names one resource at most, none of DMS, no Route 53 change,
and every schedule in the default group.
"""

import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote_plus

# Parameters of an RDS call and the type of the resource they name.
_RDS_PARAMETERS = {
    "DBInstanceIdentifier": "db",
    "DBClusterIdentifier": "cluster",
    "DBSnapshotIdentifier": "snapshot",
    "DBClusterSnapshotIdentifier": "cluster-snapshot",
    "DBParameterGroupName": "pg",
    "DBClusterParameterGroupName": "cluster-pg",
    "DBSubnetGroupName": "subgrp",
}
_RDS_SNAPSHOT = {"RestoreDBClusterFromSnapshot": "SnapshotIdentifier"}
_RDS_DESCRIBED = {
    "DescribeDBInstances": "db",
    "DescribeDBClusters": "cluster",
    "DescribeDBSnapshots": "snapshot",
    "DescribeDBClusterSnapshots": "cluster-snapshot",
    "DescribeDBParameterGroups": "pg",
    "DescribeDBParameters": "pg",
    "DescribeDBClusterParameterGroups": "cluster-pg",
    "DescribeDBClusterParameters": "cluster-pg",
    "DescribeDBSubnetGroups": "subgrp",
    "DescribePendingMaintenanceActions": "db",
}
# What a DMS call makes has no ARN yet: IAM checks the type with a wildcard.
_DMS_CREATED = {
    "CreateReplicationInstance": "rep:*",
    "CreateEndpoint": "endpoint:*",
    "CreateReplicationTask": "task:*",
    "CreateReplicationSubnetGroup": "subgrp:*",
    "DeleteReplicationSubnetGroup": "subgrp:*",
    "CreateEventSubscription": "es:*",
}


def of_rds(action: str, parameters: Mapping[str, Any], scope: str) -> list[str]:
    """ARNs of the resources of an RDS call; `scope` is `<region>:<account>`."""
    given = {key: value[0] if isinstance(value, list) else value for key, value in parameters.items()}
    if "ResourceName" in given:
        return [given["ResourceName"]]
    prefix = f"arn:aws:rds:{scope}:"
    named = [(kind, given[key]) for key, kind in _RDS_PARAMETERS.items() if given.get(key)]
    if _RDS_SNAPSHOT.get(action) in given:
        named.append(("snapshot", given[_RDS_SNAPSHOT[action]]))
    arns = [name if name.startswith("arn:") else f"{prefix}{kind}:{name}" for kind, name in named]
    return arns or [f"{prefix}{_RDS_DESCRIBED[action]}:*" if action in _RDS_DESCRIBED else "*"]


def of_dms(action: str, body: bytes, scope: str) -> list[str]:
    """ARNs of the resources of a DMS call; `*` for the calls that have none."""
    given = json.loads(body or b"{}")
    prefix = f"arn:aws:dms:{scope}:"
    arns = [value for key, value in given.items() if key.endswith("Arn") and "RoleArn" not in key and value]
    if action in _DMS_CREATED:
        arns.append(prefix + _DMS_CREATED[action])
    return arns or ["*"]


def of_scheduler(path: str, query: Mapping[str, Any], body: bytes, scope: str) -> list[str]:
    """ARN of the schedule, in the group that the call names."""
    parts = [part for part in path.split("/") if part]
    if len(parts) < 2 or parts[0] != "schedules":
        return []
    group = query.get("groupName") or json.loads(body or b"{}").get("GroupName") or "default"
    group = group[0] if isinstance(group, list) else group
    return [f"arn:aws:scheduler:{scope}:schedule/{group}/{parts[1]}"]


def of_route53(path: str) -> list[str]:
    """ARN of the change that GetChange asks for; ministack knows the hosted zones."""
    _, found, change = path.rpartition("/change/")
    return [f"arn:aws:route53:::change/{change}"] if found else []


def passed_roles(path: str, body: bytes) -> list[tuple[str, str]]:
    """The roles that a call hands to a service, with its principal: IAM checks `iam:PassRole` on them."""
    if b"RoleArn" not in body or not body.startswith(b"{"):
        return []
    service = "scheduler.amazonaws.com" if path.startswith("/schedules/") else ""
    given = json.loads(body)
    if not service and not any(key in given for key in ("EndpointType", "EndpointArn")):
        return []
    return [(arn, service or "dms.amazonaws.com") for arn in _role_arns(given)]


def _role_arns(value: Any) -> list[str]:
    if isinstance(value, list):
        return [arn for each in value for arn in _role_arns(each)]
    if not isinstance(value, dict):
        return []
    own = [each for key, each in value.items() if key.endswith("RoleArn") and isinstance(each, str) and each]
    return own + [arn for each in value.values() for arn in _role_arns(each)]


def metric_namespace(body: bytes) -> str:
    """The namespace of PutMetricData, IAM's condition key, in any of the service's protocols: CBOR, JSON or query."""
    if found := re.search(rb'Namespace(?:=|"\s*:\s*")([^"&]*)', body):
        return unquote_plus(found[1].decode())
    if found := re.search(rb"Namespace([\x60-\x77])", body):  # CBOR: the byte says text of 0 to 23 bytes
        start = found.end()
        return body[start : start + found[1][0] - 0x60].decode()
    return ""
