"""Tags of RDS resources, kept by ARN."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds.fleet import Fleet, View, bare_name
from rehearsal.account.wire import ApiError

_NOT_FOUND = {
    "db": "DBInstanceNotFound",
    "cluster": "DBClusterNotFoundFault",
    "snapshot": "DBSnapshotNotFound",
    "cluster-snapshot": "DBClusterSnapshotNotFoundFault",
}


def put(fleet: Fleet, resource_arn: str, request: Mapping[str, Any]) -> None:
    """Keep the `Tags` of a create request."""
    fleet.tags.setdefault(resource_arn, {}).update(
        {tag["Key"]: tag.get("Value", "") for tag in request.get("Tags", [])}
    )


def listed(fleet: Fleet, resource_arn: str) -> list[View]:
    """The tags as RDS answers them."""
    return [{"Key": key, "Value": value} for key, value in fleet.tags.get(resource_arn, {}).items()]


def add(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """AddTagsToResource."""
    _require(fleet, request["ResourceName"])
    put(fleet, request["ResourceName"], request)
    return {}


def remove(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """RemoveTagsFromResource."""
    _require(fleet, request["ResourceName"])
    for key in request["TagKeys"]:
        fleet.tags.get(request["ResourceName"], {}).pop(key, None)
    return {}


def list_tags(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """ListTagsForResource."""
    _require(fleet, request["ResourceName"])
    return {"TagList": listed(fleet, request["ResourceName"])}


def _require(fleet: Fleet, resource_arn: str) -> None:
    parts = resource_arn.split(":")
    if len(parts) < 7 or parts[:3] != ["arn", "aws", "rds"]:
        raise ApiError("InvalidParameterValue", f"Invalid resource name: {resource_arn}")
    kind = parts[5]
    holders: Mapping[str, Mapping[str, object]] = {
        "db": fleet.instances,
        "cluster": fleet.clusters,
        "snapshot": fleet.snapshots,
        "cluster-snapshot": fleet.cluster_snapshots,
    }
    if kind in holders and bare_name(resource_arn) not in holders[kind]:
        raise ApiError(_NOT_FOUND[kind], f"{resource_arn} not found.")
