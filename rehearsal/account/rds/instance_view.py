"""How a DB instance is described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import networks
from rehearsal.account.rds.fleet import ZONES, Cluster, Fleet, Instance, View, arn, now, resource_id
from rehearsal.account.rds.versions import AURORA

_KMS_KEY = "arn:aws:kms:us-east-1:000000000000:key/0a5d1e7c-0000-4000-8000-00000000c0de"


def new(fleet: Fleet, request: Mapping[str, Any], engine_version: str, parameter_group: str) -> View:
    """The description of an instance at the moment of its creation, for what the request leaves out as RDS fills it."""
    identifier = request["DBInstanceIdentifier"].lower()
    zone = request.get("AvailabilityZone", ZONES[len(fleet.instances) % len(ZONES)])
    return {
        "DBInstanceIdentifier": identifier,
        "DBInstanceClass": request["DBInstanceClass"],
        "Engine": request["Engine"],
        "EngineVersion": engine_version,
        "DBInstanceStatus": "creating",
        "DBInstanceArn": arn("db", identifier),
        "DbiResourceId": resource_id("db"),
        "AvailabilityZone": zone,
        "AutoMinorVersionUpgrade": request.get("AutoMinorVersionUpgrade", True),
        "PubliclyAccessible": request.get("PubliclyAccessible", False),
        "PreferredMaintenanceWindow": request.get("PreferredMaintenanceWindow", "sun:06:00-sun:06:30"),
        "CopyTagsToSnapshot": request.get("CopyTagsToSnapshot", False),
        "CACertificateIdentifier": request.get("CACertificateIdentifier", "rds-ca-rsa2048-g1"),
        "DBParameterGroups": [{"DBParameterGroupName": parameter_group, "ParameterApplyStatus": "in-sync"}],
        "OptionGroupMemberships": [],
        "DBSecurityGroups": [],
        "LicenseModel": "postgresql-license",
        "MultiAZ": request.get("MultiAZ", False),
        "ReadReplicaDBInstanceIdentifiers": [],
        "DomainMemberships": [],
        "AssociatedRoles": [],
        "NetworkType": "IPV4",
        "DbInstancePort": 0,
        "PendingModifiedValues": {},
        **_insights(request),
    }


def own_storage(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """The members of an instance that is no cluster's: storage, backups, network, lifecycle."""
    encrypted = request.get("StorageEncrypted", False)
    return {
        "MasterUsername": request["MasterUsername"],
        "DBName": request.get("DBName"),
        "AllocatedStorage": request["AllocatedStorage"],
        "StorageType": request.get("StorageType", "gp3"),
        "StorageEncrypted": encrypted,
        "KmsKeyId": request.get("KmsKeyId", _KMS_KEY) if encrypted else None,
        "BackupRetentionPeriod": request.get("BackupRetentionPeriod", 1),
        "PreferredBackupWindow": request.get("PreferredBackupWindow", "04:00-04:30"),
        "DBSubnetGroup": networks.find(fleet, request.get("DBSubnetGroupName")),
        "VpcSecurityGroups": networks.security_groups(request.get("VpcSecurityGroupIds")),
        "DeletionProtection": request.get("DeletionProtection", False),
        "IAMDatabaseAuthenticationEnabled": request.get("EnableIAMDatabaseAuthentication", False),
        "EnabledCloudwatchLogsExports": request.get("EnableCloudwatchLogsExports", []),
    }


def of_cluster(fleet: Fleet, request: Mapping[str, Any], cluster: Cluster) -> View:
    """The members that an Aurora instance has from its cluster."""
    taken = (
        "MasterUsername",
        "StorageEncrypted",
        "KmsKeyId",
        "BackupRetentionPeriod",
        "PreferredBackupWindow",
        "VpcSecurityGroups",
        "EngineLifecycleSupport",
        "IAMDatabaseAuthenticationEnabled",
        "EnabledCloudwatchLogsExports",
    )
    return {
        **{name: cluster.view[name] for name in taken if name in cluster.view},
        "DBClusterIdentifier": cluster.identifier,
        "DBName": cluster.view.get("DatabaseName"),
        "DBSubnetGroup": networks.find(fleet, cluster.view["DBSubnetGroup"]),
        "AllocatedStorage": 1,
        "StorageType": "aurora",
        "PromotionTier": request.get("PromotionTier", 1),
        "DeletionProtection": False,
    }


def described(fleet: Fleet, instance: Instance) -> View:
    """The description as of now; an endpoint exists once the instance was created."""
    view = {**instance.view, "TagList": [{"Key": k, "Value": v} for k, v in _tags(fleet, instance)]}
    group = view["DBParameterGroups"][0]["DBParameterGroupName"]
    status = instance.parameters.status
    view["DBParameterGroups"] = [{"DBParameterGroupName": group, "ParameterApplyStatus": status}]
    if "InstanceCreateTime" in view:
        address = {"Address": instance.host, "Port": fleet.installation.port, "HostedZoneId": "Z2R2ITUGPM61AM"}
        view["Endpoint"] = address
    if instance.cluster is None and instance.status == "available" and view["BackupRetentionPeriod"]:
        view["LatestRestorableTime"] = now()
    return view


def is_aurora(view: Mapping[str, Any]) -> bool:
    """Whether this is the description of an Aurora instance."""
    return bool(view["Engine"] == AURORA)


def _tags(fleet: Fleet, instance: Instance) -> list[tuple[str, str]]:
    return list(fleet.tags.get(instance.view["DBInstanceArn"], {}).items())


def _insights(request: Mapping[str, Any]) -> View:
    enabled = request.get("EnablePerformanceInsights", False)
    view: View = {
        "PerformanceInsightsEnabled": enabled,
        "MonitoringInterval": request.get("MonitoringInterval", 0),
        "DatabaseInsightsMode": request.get("DatabaseInsightsMode", "standard"),
    }
    if enabled:
        view["PerformanceInsightsRetentionPeriod"] = request.get("PerformanceInsightsRetentionPeriod", 7)
    if "MonitoringRoleArn" in request:
        view["MonitoringRoleArn"] = request["MonitoringRoleArn"]
    return view
