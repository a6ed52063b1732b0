"""DB subnet groups and what a resource takes from its network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.account.rds import checks, tagging
from rehearsal.account.rds.fleet import ZONES, Fleet, View, arn, bare_name
from rehearsal.account.wire import ApiError

_VPC = "vpc-0c0ffee0000000001"


def create(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """CreateDBSubnetGroup: at least two subnets, in two Availability Zones."""
    name = request["DBSubnetGroupName"].lower()
    subnets = list(dict.fromkeys(request["SubnetIds"]))
    if name == "default":
        raise ApiError("InvalidParameterValue", "The DB subnet group name default is reserved.")
    if len(subnets) < 2:
        raise ApiError(
            "DBSubnetGroupDoesNotCoverEnoughAZs",
            "The DB subnet group doesn't meet Availability Zone (AZ) coverage requirement. Current AZ coverage: "
            f"{ZONES[0]}. Add subnets to cover at least 2 AZs.",
        )
    with fleet.lock:
        if name in fleet.subnet_groups:
            raise ApiError("DBSubnetGroupAlreadyExists", f"The DB subnet group '{name}' already exists.")
        fleet.subnet_groups[name] = _group(name, request["DBSubnetGroupDescription"], subnets)
    tagging.put(fleet, arn("subgrp", name), request)
    return {"DBSubnetGroup": fleet.subnet_groups[name]}


def describe(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DescribeDBSubnetGroups."""
    name = request.get("DBSubnetGroupName")
    views = [find(fleet, name)] if name else list(fleet.subnet_groups.values())
    return checks.page(request, "DBSubnetGroups", views, lambda view: view["DBSubnetGroupName"])


def delete(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DeleteDBSubnetGroup; refused while something stands in it."""
    name = find(fleet, request["DBSubnetGroupName"])["DBSubnetGroupName"]
    used = {i.view["DBSubnetGroup"]["DBSubnetGroupName"] for i in fleet.instances.values()}
    used |= {cluster.view["DBSubnetGroup"] for cluster in fleet.clusters.values()}
    if name in used:
        raise ApiError("InvalidDBSubnetGroupStateFault", f"Cannot delete the subnet group '{name}' because it is used.")
    fleet.subnet_groups.pop(name, None)
    return {}


def find(fleet: Fleet, name: str | None) -> View:
    """A subnet group by name, `default` when None. Raises DBSubnetGroupNotFoundFault."""
    wanted = bare_name(name or "default")
    if wanted == "default":
        return _group("default", "default", ("subnet-0default1", "subnet-0default2", "subnet-0default3"))
    if wanted not in fleet.subnet_groups:
        raise ApiError("DBSubnetGroupNotFoundFault", f"DB subnet group '{wanted}' does not exist.")
    return fleet.subnet_groups[wanted]


def security_groups(ids: Sequence[str] | None) -> list[View]:
    """The memberships of a resource; the VPC's default group when none is named."""
    for one in ids or ():
        if not one.startswith("sg-"):
            raise ApiError("InvalidParameterValue", f"Invalid security group , groupId= {one}, groupName=.")
    return [{"VpcSecurityGroupId": one, "Status": "active"} for one in ids or ("sg-0default",)]


def _group(name: str, description: str, subnets: Sequence[str]) -> View:
    return {
        "DBSubnetGroupName": name,
        "DBSubnetGroupDescription": description,
        "VpcId": _VPC,
        "SubnetGroupStatus": "Complete",
        "DBSubnetGroupArn": arn("subgrp", name),
        "SupportedNetworkTypes": ["IPV4"],
        "Subnets": [
            {
                "SubnetIdentifier": subnet,
                "SubnetAvailabilityZone": {"Name": ZONES[number % len(ZONES)]},
                "SubnetOutpost": {},
                "SubnetStatus": "Active",
            }
            for number, subnet in enumerate(subnets)
        ],
    }
