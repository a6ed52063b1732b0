"""Replication subnet groups and replication instances."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from rehearsal.account.dms import names, notices
from rehearsal.account.dms.faults import (
    access_denied,
    already_exists,
    invalid_value,
    not_found,
    require_identifier,
    wrong_state,
)
from rehearsal.account.dms.listing import page, select
from rehearsal.account.dms.ports import Platform
from rehearsal.account.wire import ApiError

CREATING_SECONDS = 420.0
DELETING_SECONDS = 180.0
DEFAULT_ENGINE_VERSION = "3.6.1"
ENGINE_VERSIONS = ("3.5.4", "3.6.1")
CLASSES = tuple(
    [f"dms.t3.{size}" for size in ("micro", "small", "medium", "large")]
    + [f"dms.{family}.{size}" for family in ("c6i", "r6i") for size in ("large", "xlarge", "2xlarge", "4xlarge")]
)


class SubnetGroups:
    """Replication subnet groups by name. AWS needs the role `dms-vpc-role` in the account first (AWS_RULES R3.7)."""

    def __init__(self, platform: Platform, tags: names.Tags) -> None:
        self._platform, self._tags = platform, tags
        self.by_name: dict[str, dict[str, Any]] = {}

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        name = request["ReplicationSubnetGroupIdentifier"].lower()
        require_identifier("ReplicationSubnetGroupIdentifier", name, 255)
        self._require_vpc_role()
        if len(set(request["SubnetIds"])) < 2:
            message = "Replication Subnet Group doesn't meet availability zone coverage requirement. Please add subnets"
            raise ApiError("ReplicationSubnetGroupDoesNotCoverEnoughAZs", f"{message} to cover at least 2 zones.")
        self._tags.register(names.arn(self._platform, "subgrp", name), request)
        zones = [f"{self._platform.REGION}{letter}" for letter in "abcdef"]
        self.by_name[name] = {
            "ReplicationSubnetGroupIdentifier": name,
            "ReplicationSubnetGroupDescription": request["ReplicationSubnetGroupDescription"],
            "SubnetGroupStatus": "Complete",
            "Subnets": [
                {
                    "SubnetIdentifier": subnet,
                    "SubnetAvailabilityZone": {"Name": zones[index % len(zones)]},
                    "SubnetStatus": "Active",
                }
                for index, subnet in enumerate(request["SubnetIds"])
            ],
            "SupportedNetworkTypes": ["IPV4"],
        }
        return {"ReplicationSubnetGroup": self.by_name[name]}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        by = {"replication-subnet-group-id": lambda group: [group["ReplicationSubnetGroupIdentifier"]]}
        chosen = select(list(self.by_name.values()), request, "Replication Subnet Groups", by)
        groups, marker = page(chosen, request)
        return {"ReplicationSubnetGroups": groups, **marker}

    def get(self, name: str) -> dict[str, Any]:
        if name.lower() not in self.by_name:
            raise not_found(f"Replication Subnet Group {name} not found.")
        return self.by_name[name.lower()]

    def delete(self, request: dict[str, Any], in_use: Callable[[str], bool]) -> dict[str, Any]:
        name = self.get(request["ReplicationSubnetGroupIdentifier"])["ReplicationSubnetGroupIdentifier"]
        if in_use(name):
            raise wrong_state(
                f"Cannot delete the replication subnet group '{name}' because a replication instance uses it."
            )
        del self.by_name[name]
        self._tags.forget(names.arn(self._platform, "subgrp", name))
        return {}

    def _require_vpc_role(self) -> None:
        role = f"arn:aws:iam::{self._platform.ACCOUNT_ID}:role/dms-vpc-role"
        if not self._platform.role_allows(role, "ec2:CreateNetworkInterface", "*", "dms.amazonaws.com"):
            raise access_denied(f"The IAM Role {role} is not configured properly.")


class Instances:
    """Replication instances by ARN: `creating` for some minutes, then `available`."""

    def __init__(self, platform: Platform, tags: names.Tags, groups: SubnetGroups, reports: notices.Notices) -> None:
        self._platform, self._tags, self._groups, self._notices = platform, tags, groups, reports
        self.by_arn: dict[str, dict[str, Any]] = {}

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        identifier = request["ReplicationInstanceIdentifier"].lower()
        self._check(identifier, request)
        arn = names.arn(self._platform, "rep", names.new_resource_id(request))
        self._tags.register(arn, request)
        self.by_arn[arn] = self._description(arn, identifier, request)
        self._notices.instance(notices.INSTANCE_CREATING, arn, identifier)
        self._platform.run_later(CREATING_SECONDS, lambda: self._created(arn))
        return {"ReplicationInstance": dict(self.by_arn[arn])}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        by: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "replication-instance-arn": lambda item: [item["ReplicationInstanceArn"]],
            "replication-instance-id": lambda item: [item["ReplicationInstanceIdentifier"]],
            "replication-instance-class": lambda item: [item["ReplicationInstanceClass"]],
            "engine-version": lambda item: [item["EngineVersion"]],
        }
        chosen, marker = page(select(list(self.by_arn.values()), request, "Replication Instances", by), request)
        return {"ReplicationInstances": chosen, **marker}

    def get(self, arn: str) -> dict[str, Any]:
        if arn not in self.by_arn:
            raise not_found(f"Replication instance not found: {arn}")
        return self.by_arn[arn]

    def available(self, arn: str) -> dict[str, Any]:
        """The instance, or InvalidResourceStateFault while it is not `available`."""
        instance = self.get(arn)
        if instance["ReplicationInstanceStatus"] != "available":
            status = instance["ReplicationInstanceStatus"]
            raise wrong_state(f"Replication Instance {arn} is not in available state, current status is {status}")
        return instance

    def delete(self, request: dict[str, Any], in_use: Callable[[str], bool]) -> dict[str, Any]:
        arn = request["ReplicationInstanceArn"]
        instance = self.get(arn)
        if instance["ReplicationInstanceStatus"] in ("creating", "deleting"):
            raise wrong_state(f"Replication instance is {instance['ReplicationInstanceStatus']}: {arn}")
        if in_use(arn):
            raise wrong_state(f"Replication instance has one or more replication tasks: {arn}")
        instance["ReplicationInstanceStatus"] = "deleting"
        self._notices.instance(notices.INSTANCE_DELETING, arn, instance["ReplicationInstanceIdentifier"])
        self._platform.run_later(DELETING_SECONDS, lambda: self._deleted(arn))
        return {"ReplicationInstance": dict(instance)}

    def uses_group(self, name: str) -> bool:
        groups = (instance.get("ReplicationSubnetGroup", {}) for instance in self.by_arn.values())
        return any(group.get("ReplicationSubnetGroupIdentifier") == name for group in groups)

    def _check(self, identifier: str, request: dict[str, Any]) -> None:
        require_identifier("ReplicationInstanceIdentifier", identifier, 63)
        if any(instance["ReplicationInstanceIdentifier"] == identifier for instance in self.by_arn.values()):
            raise already_exists(f"Replication Instance already exists: {identifier}")
        if request["ReplicationInstanceClass"] not in CLASSES:
            raise invalid_value(f"Invalid replication instance class: {request['ReplicationInstanceClass']}")
        if request.get("EngineVersion", DEFAULT_ENGINE_VERSION) not in ENGINE_VERSIONS:
            raise invalid_value(f"No replication engine found with version: {request['EngineVersion']}")
        if not 5 <= request.get("AllocatedStorage", 50) <= 6144:
            raise invalid_value("Invalid storage size for a replication instance: 5 to 6144 GB are allowed")

    def _description(self, arn: str, identifier: str, request: dict[str, Any]) -> dict[str, Any]:
        group = request.get("ReplicationSubnetGroupIdentifier")
        security_groups = request.get("VpcSecurityGroupIds", [])
        return {
            "ReplicationInstanceIdentifier": identifier,
            "ReplicationInstanceClass": request["ReplicationInstanceClass"],
            "ReplicationInstanceStatus": "creating",
            "AllocatedStorage": request.get("AllocatedStorage", 50),
            "VpcSecurityGroups": [{"VpcSecurityGroupId": item, "Status": "active"} for item in security_groups],
            "MultiAZ": request.get("MultiAZ", False),
            "EngineVersion": request.get("EngineVersion", DEFAULT_ENGINE_VERSION),
            "AutoMinorVersionUpgrade": request.get("AutoMinorVersionUpgrade", True),
            "PubliclyAccessible": request.get("PubliclyAccessible", True),
            "ReplicationInstanceArn": arn,
            **({"ReplicationSubnetGroup": self._groups.get(group)} if group else {}),
        }

    def _created(self, arn: str) -> None:
        instance = self.by_arn[arn]
        instance.update(ReplicationInstanceStatus="available", InstanceCreateTime=datetime.now(UTC))
        self._notices.instance(notices.INSTANCE_CREATED, arn, instance["ReplicationInstanceIdentifier"])

    def _deleted(self, arn: str) -> None:
        instance = self.by_arn.pop(arn)
        self._tags.forget(arn)
        self._notices.instance(notices.INSTANCE_DELETED, arn, instance["ReplicationInstanceIdentifier"])


def orderable(request: dict[str, Any]) -> dict[str, Any]:
    """DescribeOrderableReplicationInstances: every class in every engine version."""
    options = [
        {
            "EngineVersion": version,
            "ReplicationInstanceClass": name,
            "StorageType": "gp2",
            "MinAllocatedStorage": 5,
            "MaxAllocatedStorage": 6144,
            "DefaultAllocatedStorage": 100 if name.startswith("dms.r6i") else 50,
            "IncludedAllocatedStorage": 100 if name.startswith("dms.r6i") else 50,
            "AvailabilityZones": ["us-east-1a", "us-east-1b", "us-east-1c"],
            "ReleaseStatus": "prod",
        }
        for version in ENGINE_VERSIONS
        for name in CLASSES
    ]
    chosen, marker = page(options, request)
    return {"OrderableReplicationInstances": chosen, **marker}
