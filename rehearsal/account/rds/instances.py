"""DB instances: create, describe, start and stop. Modification and deletion have files of their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import checks, clusters, databases, events, parameters, rules, secrets, tagging, versions
from rehearsal.account.rds import instance_view as views
from rehearsal.account.rds.applied_parameters import AppliedParameters
from rehearsal.account.rds.fleet import Cluster, Fleet, Instance, View, now
from rehearsal.account.wire import ApiError

_CREATE_SECONDS, _FIRST_BACKUP_SECONDS, _RESTART_SECONDS, _STOP_SECONDS = 240.0, 90.0, 60.0, 120.0
_AURORA_CREATE_SECONDS = 360.0
_OF_THE_CLUSTER = (
    "MasterUsername",
    "MasterUserPassword",
    "ManageMasterUserPassword",
    "DBName",
    "AllocatedStorage",
    "BackupRetentionPeriod",
    "VpcSecurityGroupIds",
    "StorageEncrypted",
    "KmsKeyId",
    "DeletionProtection",
    "EnableIAMDatabaseAuthentication",
)
_FILTERS = {
    "db-instance-id": "DBInstanceIdentifier",
    "db-cluster-id": "DBClusterIdentifier",
    "dbi-resource-id": "DbiResourceId",
    "engine": "Engine",
}


def describe(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DescribeDBInstances."""
    with fleet.lock:
        name = request.get("DBInstanceIdentifier")
        found = [fleet.instance(name)] if name else list(fleet.instances.values())
        shown = filter(checks.filters(request, _FILTERS), [views.described(fleet, one) for one in found])
        return checks.page(request, "DBInstances", list(shown), lambda view: view["DBInstanceIdentifier"])


def create(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """CreateDBInstance: a PostgreSQL instance with its own storage, or a member of an Aurora cluster."""
    name = checks.identifier(request["DBInstanceIdentifier"], "DBInstanceIdentifier")
    versions.require(request["Engine"], None)
    versions.require_class(request["Engine"], request["DBInstanceClass"])
    with fleet.lock:
        if name in fleet.instances:
            raise ApiError("DBInstanceAlreadyExists", "DB instance already exists")
        instance = (_new_member if "DBClusterIdentifier" in request else _new_source)(fleet, request)
        tagging.put(fleet, instance.view["DBInstanceArn"], request)
        fleet.instances[name] = instance
        if instance.cluster:
            clusters.add_member(fleet.cluster(instance.cluster), instance)
    fleet.in_background(lambda: _come_up(fleet, instance, request), lambda: _fail(instance))
    return {"DBInstance": views.described(fleet, instance)}


def require_status(instance: Instance, *statuses: str) -> None:
    """Raises InvalidDBInstanceState unless the instance is in one of the statuses."""
    if instance.status not in statuses:
        message = f"Instance {instance.identifier} is not in {' or '.join(statuses)} state."
        raise ApiError("InvalidDBInstanceState", message)


def reboot(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """RebootDBInstance: a real restart, after which parameters that waited for it are in effect."""
    instance = fleet.instance(request["DBInstanceIdentifier"])
    if request.get("ForceFailover"):
        raise ApiError("InvalidParameterCombination", "Cannot force failover since the instance is not Multi-AZ.")
    with fleet.lock:
        require_status(instance, "available")
        instance.view["DBInstanceStatus"] = "rebooting"
    fleet.in_background(lambda: _reboot(fleet, instance), lambda: _fail(instance))
    return {"DBInstance": views.described(fleet, instance)}


def stop(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """StopDBInstance: the server really stops; AWS starts it again after seven days, this account does not."""
    instance = fleet.instance(request["DBInstanceIdentifier"])
    with fleet.lock:
        if instance.cluster:
            message = "Stopping or starting a DB instance that is a member of a DB cluster is not supported."
            raise ApiError("InvalidDBClusterStateFault", message)
        require_status(instance, "available")
        instance.view["DBInstanceStatus"] = "stopping"
    fleet.in_background(lambda: _stop(fleet, instance), lambda: _fail(instance))
    return {"DBInstance": views.described(fleet, instance)}


def start(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """StartDBInstance."""
    instance = fleet.instance(request["DBInstanceIdentifier"])
    with fleet.lock:
        require_status(instance, "stopped")
        instance.view["DBInstanceStatus"] = "starting"
    fleet.in_background(lambda: _start(fleet, instance), lambda: _fail(instance))
    return {"DBInstance": views.described(fleet, instance)}


def _new_source(fleet: Fleet, request: Mapping[str, Any]) -> Instance:
    if request["Engine"] == versions.AURORA:
        raise ApiError("InvalidParameterCombination", "Aurora instances must be a member of a DB cluster.")
    missing = [name for name in ("MasterUsername", "AllocatedStorage") if name not in request]
    if missing or ("MasterUserPassword" in request) == bool(request.get("ManageMasterUserPassword")):
        wanted = missing[0] if missing else "either MasterUserPassword or ManageMasterUserPassword"
        raise ApiError("InvalidParameterCombination", f"The request must contain {wanted}.")
    if request["MasterUsername"].lower() in ("rdsadmin", "postgres_rds", "pg_", "admin"):
        raise ApiError("InvalidParameterValue", f"MasterUsername {request['MasterUsername']} cannot be used")
    version = versions.require(request["Engine"], request.get("EngineVersion"))
    checks.port(request, fleet.installation.port)
    checks.backup_retention(request, least=0)
    view = _view(fleet, request, version)
    view |= views.own_storage(fleet, request) | {"EngineLifecycleSupport": checks.lifecycle_support(request)}
    password = checks.password(request.get("MasterUserPassword") or secrets.new_password())
    if request.get("ManageMasterUserPassword"):
        key = request.get("MasterUserSecretKmsKeyId")
        view["MasterUserSecret"] = secrets.manage(fleet, "db", view["MasterUsername"], password, key)
    return _instance(fleet, view, password)


def _new_member(fleet: Fleet, request: Mapping[str, Any]) -> Instance:
    cluster = fleet.cluster(request["DBClusterIdentifier"])
    if cluster.status != "available":
        message = f"DB cluster {cluster.identifier} is not in available state ({cluster.status})."
        raise ApiError("InvalidDBClusterStateFault", message)
    if request["Engine"] != cluster.view["Engine"]:
        message = "The engine name requested for your DB instance doesn't match the engine name of your DB cluster."
        raise ApiError("InvalidParameterCombination", message)
    checks.none_of(
        request, _OF_THE_CLUSTER, "The requested DB Instance will be a member of a DB Cluster. Set on the DB cluster"
    )
    _check_member(cluster, request)
    version = versions.EngineVersion.parse(cluster.view["EngineVersion"])
    view = _view(fleet, request, version) | views.of_cluster(fleet, request, cluster)
    return _instance(fleet, view, None)


def _check_member(cluster: Cluster, request: Mapping[str, Any]) -> None:
    if request.get("EngineVersion", cluster.view["EngineVersion"]) != cluster.view["EngineVersion"]:
        message = "The engine version that you requested for your DB instance doesn't match that of your DB cluster."
        raise ApiError("InvalidParameterCombination", message)
    if request.get("DBSubnetGroupName", cluster.view["DBSubnetGroup"]).lower() != cluster.view["DBSubnetGroup"]:
        raise ApiError("InvalidParameterCombination", "The DB subnet group must be that of the DB cluster.")
    if request["DBInstanceClass"] == versions.SERVERLESS and "ServerlessV2ScalingConfiguration" not in cluster.view:
        message = "Set the Serverless v2 scaling configuration on the parent DB cluster before creating a Serverless v2"
        raise ApiError("InvalidParameterCombination", f"{message} DB instance.")
    if len(cluster.view["DBClusterMembers"]) >= 16:
        raise ApiError("InstanceQuotaExceeded", "A DB cluster can have at most 15 readers.")


def _view(fleet: Fleet, request: Mapping[str, Any], version: versions.EngineVersion) -> View:
    family = versions.family(request["Engine"], version)
    group = parameters.require(fleet, parameters.OF_INSTANCE, request.get("DBParameterGroupName"), family)
    return views.new(fleet, request, str(version), group)


def _instance(fleet: Fleet, view: View, password: str | None) -> Instance:
    instance = Instance(view, fleet.next_address(), AppliedParameters(), password=password)
    values = parameters.effective(fleet, instance)
    instance.parameters = AppliedParameters(running=dict(values), wanted=dict(values))
    return instance


def _come_up(fleet: Fleet, instance: Instance, request: Mapping[str, Any]) -> None:
    failed = rules.failed_creation(instance.identifier, rules.FAILED_INSTANCE)
    if failed is not None:
        fleet.platform.sleep(_CREATE_SECONDS / 2)
        instance.view["DBInstanceStatus"] = failed
        return
    rules.hang_creation(fleet, instance.identifier)
    if instance.cluster:
        with fleet.lasting(_AURORA_CREATE_SECONDS):
            clusters.bring_up_member(fleet, fleet.cluster(instance.cluster), instance)
    else:
        with fleet.lasting(_CREATE_SECONDS):
            databases.create_source(fleet, instance, request.get("DBName"))
        secrets.activate(instance.view)
    instance.view["InstanceCreateTime"] = now()
    fleet.platform.set_host(instance.host, instance.address)
    events.emit(fleet, "0005", instance.identifier)
    if not instance.cluster and instance.view["BackupRetentionPeriod"]:
        instance.view["DBInstanceStatus"] = "backing-up"
        events.emit(fleet, "0001", instance.identifier)
        fleet.platform.sleep(_FIRST_BACKUP_SECONDS)
        events.emit(fleet, "0002", instance.identifier)
    instance.view["DBInstanceStatus"] = "available"


def _reboot(fleet: Fleet, instance: Instance) -> None:
    with fleet.lasting(_RESTART_SECONDS):
        with fleet.lock:
            instance.parameters.rebooted()
        databases.apply_parameters(instance, restart=True)
    events.emit(fleet, "0006", instance.identifier)
    instance.view["DBInstanceStatus"] = "available"


def _stop(fleet: Fleet, instance: Instance) -> None:
    with fleet.lasting(_STOP_SECONDS):
        if instance.server is not None:
            instance.server.stop()
    instance.view["DBInstanceStatus"] = "stopped"
    events.emit(fleet, "0087", instance.identifier)


def _start(fleet: Fleet, instance: Instance) -> None:
    with fleet.lasting(_STOP_SECONDS):
        instance.parameters.rebooted()
        if instance.server is not None:
            databases.apply_parameters(instance, restart=True)
    instance.view["DBInstanceStatus"] = "available"
    events.emit(fleet, "0088", instance.identifier)


def _fail(instance: Instance) -> None:
    instance.view["DBInstanceStatus"] = "failed"
