"""ModifyDBCluster and DeleteDBCluster."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import (
    checks,
    cluster_snapshots,
    clusters,
    databases,
    events,
    networks,
    parameters,
    rules,
    secrets,
    versions,
)
from rehearsal.account.rds.fleet import Cluster, Fleet, Snapshot, View
from rehearsal.account.rds.instance_changes import log_exports
from rehearsal.account.wire import ApiError

_MODIFY_SECONDS, _DELETE_SECONDS = 30.0, 120.0
# Request member: member of the description.
_PLAIN = {
    "BackupRetentionPeriod": "BackupRetentionPeriod",
    "PreferredBackupWindow": "PreferredBackupWindow",
    "PreferredMaintenanceWindow": "PreferredMaintenanceWindow",
    "DeletionProtection": "DeletionProtection",
    "CopyTagsToSnapshot": "CopyTagsToSnapshot",
    "EnableIAMDatabaseAuthentication": "IAMDatabaseAuthenticationEnabled",
    "EnablePerformanceInsights": "PerformanceInsightsEnabled",
    "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "DatabaseInsightsMode": "DatabaseInsightsMode",
    "MonitoringInterval": "MonitoringInterval",
    "MonitoringRoleArn": "MonitoringRoleArn",
    "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "EngineLifecycleSupport": "EngineLifecycleSupport",
    "EnableHttpEndpoint": "HttpEndpointEnabled",
    "StorageType": "StorageType",
}

_TAKING_TIME = {"ServerlessV2ScalingConfiguration", "CloudwatchLogsExportConfiguration", "BackupRetentionPeriod"}


def modify(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """ModifyDBCluster; only while the cluster is available (AWS_RULES R4.6)."""
    with fleet.lock:
        cluster = fleet.cluster(request["DBClusterIdentifier"])
        _require_available(cluster)
        _check(cluster, request)
        version = versions.EngineVersion.parse(cluster.view["EngineVersion"])
        scaling = clusters.capacity(request, version, cluster.view.get("ServerlessV2ScalingConfiguration"))
        group = _new_group(fleet, request, versions.family(cluster.view["Engine"], version))
        view = cluster.view
        password = _new_password(fleet, cluster, request)
        view.update({name: request[asked] for asked, name in _PLAIN.items() if asked in request})
        view["EnabledCloudwatchLogsExports"] = log_exports(view, request)
        if scaling:
            view["ServerlessV2ScalingConfiguration"] = scaling
        if "VpcSecurityGroupIds" in request:
            view["VpcSecurityGroups"] = networks.security_groups(request["VpcSecurityGroupIds"])
        if group is not None and group != view["DBClusterParameterGroup"]:
            _associate(fleet, cluster, group)
        works = bool(password or group or set(request) & _TAKING_TIME)
        if works:
            view["Status"] = "modifying"
        answer = clusters.described(fleet, cluster)
    if works:
        fleet.in_background(lambda: _finish(fleet, cluster, password), lambda: view.update(Status="available"))
    return {"DBCluster": answer}


def delete(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DeleteDBCluster: refused while it is protected or has instances that are not being deleted."""
    with fleet.lock:
        cluster = fleet.cluster(request["DBClusterIdentifier"])
        if cluster.view["DeletionProtection"]:
            message = "Cannot delete protected Cluster, please disable deletion protection and try again."
            raise ApiError("InvalidParameterCombination", message)
        if any(member.status != "deleting" for member in fleet.members(cluster)):
            message = "Cluster cannot be deleted, it still contains DB instances in non-deleting state."
            raise ApiError("InvalidDBClusterStateFault", message)
        if cluster.status not in ("available", "stopped", *rules.DELETABLE_FAILURES):
            raise ApiError("InvalidDBClusterStateFault", f"DB cluster {cluster.identifier} is {cluster.status}.")
        name = _final_snapshot(request)
        snapshot = cluster_snapshots.of_cluster(fleet, name, cluster) if name else None
        cluster.view["Status"] = "deleting"
        answer = clusters.described(fleet, cluster)
    fleet.in_background(lambda: _delete(fleet, cluster, snapshot), lambda: cluster.view.update(Status="failed"))
    return {"DBCluster": answer}


def _require_available(cluster: Cluster) -> None:
    if cluster.status != "available":
        message = f"DB cluster {cluster.identifier} is not in available state ({cluster.status})."
        raise ApiError("InvalidDBClusterStateFault", message)


def _check(cluster: Cluster, request: Mapping[str, Any]) -> None:
    unsupported = ("NewDBClusterIdentifier", "Port", "AllowMajorVersionUpgrade", "DBInstanceParameterGroupName")
    checks.none_of(request, unsupported, "The emulated RDS does not change this")
    checks.backup_retention(request, least=1)
    if "EngineLifecycleSupport" in request:
        checks.lifecycle_support(request)
    if request.get("EngineVersion", cluster.view["EngineVersion"]) != cluster.view["EngineVersion"]:
        raise ApiError("InvalidParameterCombination", "The emulated RDS does not upgrade clusters.")


def _new_group(fleet: Fleet, request: Mapping[str, Any], family: str) -> str | None:
    asked = request.get("DBClusterParameterGroupName")
    return parameters.require(fleet, parameters.OF_CLUSTER, asked, family) if asked else None


def _associate(fleet: Fleet, cluster: Cluster, group: str) -> None:
    """A newly associated group takes effect instance by instance, at each one's next reboot."""
    cluster.view["DBClusterParameterGroup"] = group
    for member in fleet.members(cluster):
        member.parameters.wanted = parameters.effective(fleet, member)
        member.parameters.await_reboot(of_cluster=True)


def _new_password(fleet: Fleet, cluster: Cluster, request: Mapping[str, Any]) -> str | None:
    managed, view = request.get("ManageMasterUserPassword"), cluster.view
    if "MasterUserPassword" in request and (managed or "MasterUserSecret" in view):
        message = "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled."
        raise ApiError("InvalidParameterCombination", message)
    if managed and "MasterUserSecret" not in view:
        password = secrets.new_password()
        key = request.get("MasterUserSecretKmsKeyId")
        view["MasterUserSecret"] = secrets.manage(fleet, "cluster", view["MasterUsername"], password, key)
        return password
    return checks.password(request["MasterUserPassword"]) if "MasterUserPassword" in request else None


def _finish(fleet: Fleet, cluster: Cluster, password: str | None) -> None:
    with fleet.lasting(_MODIFY_SECONDS):
        if password is not None:
            _set_password(fleet, cluster, password)
    secrets.activate(cluster.view)
    cluster.view["Status"] = "available"


def _set_password(fleet: Fleet, cluster: Cluster, password: str) -> None:
    writer = fleet.instances.get(cluster.writer or "")
    if writer is None or writer.server is None:
        cluster.pending_password = password
    else:
        databases.set_password(writer.server, cluster.view["MasterUsername"], password)


def _final_snapshot(request: Mapping[str, Any]) -> str | None:
    name = request.get("FinalDBSnapshotIdentifier")
    if bool(request.get("SkipFinalSnapshot")) == (name is not None):
        message = (
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified, and must not go with it."
        )
        raise ApiError("InvalidParameterCombination", message)
    return checks.identifier(name, "FinalDBSnapshotIdentifier", longest=255) if name else None


def _delete(fleet: Fleet, cluster: Cluster, snapshot: Snapshot | None) -> None:
    with fleet.lasting(_DELETE_SECONDS):
        while fleet.members(cluster):
            fleet.platform.sleep(10)
        if snapshot is not None:
            cluster_snapshots.take(fleet, snapshot, cluster)
        shutil.rmtree(cluster.volume, ignore_errors=True)
    with fleet.lock:
        fleet.clusters.pop(cluster.identifier, None)
    events.emit(fleet, "0171", cluster.identifier)
