"""ModifyDBInstance and DeleteDBInstance."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import (
    checks,
    clusters,
    databases,
    events,
    failover,
    instances,
    networks,
    parameters,
    rules,
    secrets,
    snapshots,
    versions,
)
from rehearsal.account.rds import instance_view as views
from rehearsal.account.rds.fleet import Fleet, Instance, Snapshot, View
from rehearsal.account.wire import ApiError

_MODIFY_SECONDS, _DELETE_SECONDS = 30.0, 180.0
# Request member: member of the description. These take effect at once and interrupt nothing.
_AT_ONCE = {
    "AutoMinorVersionUpgrade": "AutoMinorVersionUpgrade",
    "CopyTagsToSnapshot": "CopyTagsToSnapshot",
    "DeletionProtection": "DeletionProtection",
    "PreferredBackupWindow": "PreferredBackupWindow",
    "PreferredMaintenanceWindow": "PreferredMaintenanceWindow",
    "PromotionTier": "PromotionTier",
    "MonitoringInterval": "MonitoringInterval",
    "MonitoringRoleArn": "MonitoringRoleArn",
    "EnablePerformanceInsights": "PerformanceInsightsEnabled",
    "PerformanceInsightsRetentionPeriod": "PerformanceInsightsRetentionPeriod",
    "DatabaseInsightsMode": "DatabaseInsightsMode",
    "PubliclyAccessible": "PubliclyAccessible",
    "EngineLifecycleSupport": "EngineLifecycleSupport",
    "CACertificateIdentifier": "CACertificateIdentifier",
}
# These wait for the maintenance window unless ApplyImmediately is given.
_DEFERRED = ("DBInstanceClass", "AllocatedStorage", "BackupRetentionPeriod", "StorageType", "MultiAZ")
_OF_THE_CLUSTER = (
    "MasterUserPassword",
    "ManageMasterUserPassword",
    "BackupRetentionPeriod",
    "VpcSecurityGroupIds",
    "AllocatedStorage",
    "EngineVersion",
    "DeletionProtection",
)


def modify(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """ModifyDBInstance."""
    with fleet.lock:
        instance = fleet.instance(request["DBInstanceIdentifier"])
        instances.require_status(instance, "available", "storage-optimization")
        _check(instance, request)
        group = _new_group(fleet, instance, request)
        view = instance.view
        view.update({name: request[asked] for asked, name in _AT_ONCE.items() if asked in request})
        if "VpcSecurityGroupIds" in request:
            view["VpcSecurityGroups"] = networks.security_groups(request["VpcSecurityGroupIds"])
        view["EnabledCloudwatchLogsExports"] = log_exports(view, request)
        waiting = {name: request[name] for name in _DEFERRED if name in request and request[name] != view.get(name)}
        view["PendingModifiedValues"] = {**view["PendingModifiedValues"], **waiting}
        password = _new_password(fleet, instance, request)
        if password:
            view["PendingModifiedValues"]["MasterUserPassword"] = "****"
        if group is not None:
            _associate(fleet, instance, group)
        works = bool(group or password or (waiting and request.get("ApplyImmediately")))
        if works:
            view["DBInstanceStatus"] = "modifying"
        answer = views.described(fleet, instance)
    if works:
        immediately = bool(request.get("ApplyImmediately"))
        fleet.in_background(
            lambda: _finish(fleet, instance, password, immediately=immediately),
            lambda: view.update(DBInstanceStatus="available"),
        )
    return {"DBInstance": answer}


def delete(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DeleteDBInstance; with a final snapshot unless SkipFinalSnapshot, never of a cluster's member."""
    with fleet.lock:
        instance = fleet.instance(request["DBInstanceIdentifier"])
        final = _final_snapshot(fleet, instance, request)
        if instance.view["DeletionProtection"]:
            message = "Cannot delete protected DB Instance, please disable deletion protection and try again."
            raise ApiError("InvalidParameterCombination", message)
        if instance.status == "deleting":
            raise ApiError("InvalidDBInstanceState", f"Instance {instance.identifier} is already being deleted.")
        instances.require_status(instance, "available", "stopped", *rules.DELETABLE_FAILURES)
        snapshot = snapshots.of_instance(fleet, final, instance) if final else None
        instance.view["DBInstanceStatus"] = "deleting"
        answer = views.described(fleet, instance)
    fleet.in_background(
        lambda: _delete(fleet, instance, snapshot), lambda: instance.view.update(DBInstanceStatus="failed")
    )
    return {"DBInstance": answer}


def log_exports(view: Mapping[str, Any], request: Mapping[str, Any]) -> list[str]:
    """EnabledCloudwatchLogsExports after a CloudwatchLogsExportConfiguration."""
    asked = request.get("CloudwatchLogsExportConfiguration", {})
    kept = set(view.get("EnabledCloudwatchLogsExports", [])) - set(asked.get("DisableLogTypes", []))
    return sorted(kept | set(asked.get("EnableLogTypes", [])))


def _check(instance: Instance, request: Mapping[str, Any]) -> None:
    if instance.cluster:
        checks.none_of(request, _OF_THE_CLUSTER, "The parameter is set for the DB cluster, not for the instance")
    unsupported = ("NewDBInstanceIdentifier", "DBSubnetGroupName", "DBPortNumber", "AllowMajorVersionUpgrade")
    checks.none_of(request, unsupported, "The emulated RDS does not change this")
    checks.backup_retention(request, least=0)
    if "EngineVersion" in request and request["EngineVersion"] != instance.view["EngineVersion"]:
        raise ApiError("InvalidParameterCombination", "The emulated RDS does not upgrade instances.")
    if "DBInstanceClass" in request:
        versions.require_class(instance.view["Engine"], request["DBInstanceClass"])
    if request.get("AllocatedStorage", instance.view["AllocatedStorage"]) < instance.view["AllocatedStorage"]:
        raise ApiError("InvalidParameterValue", "Requested storage size cannot be less than the current storage size.")


def _new_group(fleet: Fleet, instance: Instance, request: Mapping[str, Any]) -> str | None:
    asked, current = request.get("DBParameterGroupName"), instance.view["DBParameterGroups"][0]["DBParameterGroupName"]
    if asked is None or asked.lower() == current:
        return None
    version = versions.EngineVersion.parse(instance.view["EngineVersion"])
    family = versions.family(instance.view["Engine"], version)
    return parameters.require(fleet, parameters.OF_INSTANCE, asked, family)


def _associate(fleet: Fleet, instance: Instance, group: str) -> None:
    """A newly associated group takes effect at the next reboot, dynamic parameters included."""
    instance.view["DBParameterGroups"] = [{"DBParameterGroupName": group, "ParameterApplyStatus": "applying"}]
    instance.parameters.wanted = parameters.effective(fleet, instance)
    instance.parameters.status = "applying"


def _new_password(fleet: Fleet, instance: Instance, request: Mapping[str, Any]) -> str | None:
    managed = request.get("ManageMasterUserPassword")
    if managed and "MasterUserPassword" in request:
        message = "You can't specify MasterUserPassword when ManageMasterUserPassword is enabled."
        raise ApiError("InvalidParameterCombination", message)
    if managed and "MasterUserSecret" not in instance.view:
        password = secrets.new_password()
        key = request.get("MasterUserSecretKmsKeyId")
        username = instance.view["MasterUsername"]
        instance.view["MasterUserSecret"] = secrets.manage(fleet, "db", username, password, key)
        return password
    return checks.password(request["MasterUserPassword"]) if "MasterUserPassword" in request else None


def _finish(fleet: Fleet, instance: Instance, password: str | None, *, immediately: bool) -> None:
    with fleet.lasting(_MODIFY_SECONDS):
        if password is not None and instance.server is not None:
            databases.set_password(instance.server, instance.view["MasterUsername"], password)
            events.emit(fleet, "0016", instance.identifier)
    with fleet.lock:
        view = instance.view
        pending: View = view["PendingModifiedValues"]
        secrets.activate(view)
        pending.pop("MasterUserPassword", None)
        if immediately:
            view.update(pending)
            view["PendingModifiedValues"] = {}
        if instance.parameters.status == "applying":
            instance.parameters.await_reboot(of_cluster=False)
        view["DBInstanceStatus"] = "available"


def _final_snapshot(fleet: Fleet, instance: Instance, request: Mapping[str, Any]) -> str | None:
    name = request.get("FinalDBSnapshotIdentifier")
    if instance.cluster:
        checks.none_of(request, ("FinalDBSnapshotIdentifier",), "A member of a DB cluster has no final snapshot")
        return None
    if bool(request.get("SkipFinalSnapshot")) == (name is not None):
        message = (
            "FinalDBSnapshotIdentifier is required unless SkipFinalSnapshot is specified, and must not go with it."
        )
        raise ApiError("InvalidParameterCombination", message)
    if name in fleet.snapshots:
        raise ApiError("DBSnapshotAlreadyExists", f"A snapshot with the identifier {name} already exists.")
    return checks.identifier(name, "FinalDBSnapshotIdentifier", longest=255) if name else None


def _delete(fleet: Fleet, instance: Instance, snapshot: Snapshot | None) -> None:
    with fleet.lasting(_DELETE_SECONDS):
        if snapshot is not None:
            snapshots.take_copy(fleet, snapshot, instance.address)
            events.emit(fleet, "0042", snapshot.view["DBSnapshotIdentifier"])
        if instance.cluster:
            failover.leave(fleet, fleet.cluster(instance.cluster), instance)
        else:
            databases.remove(instance)
        fleet.platform.forget_host(instance.host)
    with fleet.lock:
        fleet.instances.pop(instance.identifier, None)
    events.emit(fleet, "0003", instance.identifier)
    if instance.cluster and instance.cluster in fleet.clusters:
        clusters.publish_hosts(fleet, fleet.cluster(instance.cluster))
