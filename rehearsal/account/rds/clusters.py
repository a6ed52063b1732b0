"""DB clusters: restored from a snapshot as an empty shell, filled by their instances, described."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import checks, databases, events, networks, parameters, rules, snapshots, tagging, versions
from rehearsal.account.rds.fleet import (
    ZONES,
    Cluster,
    Fleet,
    Instance,
    Snapshot,
    View,
    arn,
    cluster_host,
    now,
    resource_id,
)
from rehearsal.account.wire import ApiError
from rehearsal.servers.postgres import Server

_RESTORE_SECONDS = 480.0
WRITER_POLL_SECONDS = 0.1
_FILTERS = {"db-cluster-id": "DBClusterIdentifier", "engine": "Engine", "db-cluster-resource-id": "DbClusterResourceId"}


def describe(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DescribeDBClusters."""
    with fleet.lock:
        name = request.get("DBClusterIdentifier")
        found = [fleet.cluster(name)] if name else list(fleet.clusters.values())
        shown = filter(checks.filters(request, _FILTERS), [described(fleet, cluster) for cluster in found])
        return checks.page(request, "DBClusters", list(shown), lambda view: view["DBClusterIdentifier"])


def described(fleet: Fleet, cluster: Cluster) -> View:
    """The description as of now."""
    members = [
        {**member, "DBClusterParameterGroupStatus": fleet.instances[name].parameters.cluster_status}
        for member in cluster.view["DBClusterMembers"]
        if (name := member["DBInstanceIdentifier"]) in fleet.instances
    ]
    tags = tagging.listed(fleet, cluster.view["DBClusterArn"])
    return {**cluster.view, "DBClusterMembers": members, "MultiAZ": len(members) > 1, "TagList": tags}


def restore(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """RestoreDBClusterFromSnapshot: a shell with endpoint names and no server; CreateDBInstance is the second call.

    A DB instance snapshot must be passed by ARN (AWS_RULES R1.1).
    """
    name = checks.identifier(request["DBClusterIdentifier"], "DBClusterIdentifier")
    with fleet.lock:
        if name in fleet.clusters:
            raise ApiError("DBClusterAlreadyExistsFault", "DB Cluster already exists")
        snapshot = snapshots.to_restore(fleet, request["SnapshotIdentifier"])
        cluster = Cluster(_new_view(fleet, request, snapshot), fleet.installation.servers / f"{name}.volume")
        tagging.put(fleet, cluster.view["DBClusterArn"], request)
        fleet.clusters[name] = cluster
    fleet.in_background(lambda: _fill(fleet, cluster, snapshot), lambda: _fail(cluster))
    return {"DBCluster": described(fleet, cluster)}


def capacity(request: Mapping[str, Any], version: versions.EngineVersion, before: View | None = None) -> View | None:
    """The checked ServerlessV2ScalingConfiguration: steps of 0.5, max at least 1 and at least min (AWS_RULES R4.1)."""
    asked = request.get("ServerlessV2ScalingConfiguration")
    if asked is None:
        return before
    limits = versions.serverless_limits(version)
    if limits is None:
        raise ApiError("InvalidParameterCombination", f"Serverless v2 isn't supported on engine version {version}.")
    merged: View = {**(before or {}), **asked}
    least, most = merged.get("MinCapacity"), merged.get("MaxCapacity")
    if least is None or most is None:
        message = "MinCapacity and MaxCapacity must both be set in the Serverless v2 scaling configuration."
        raise ApiError("InvalidParameterCombination", message)
    on_grid = all(value * 2 == int(value * 2) for value in (least, most))
    if not on_grid or not limits[0] <= least <= most <= limits[1] or most < 1:
        raise ApiError(
            "InvalidParameterValue",
            f"Serverless v2 capacity {least}–{most} isn't valid. Valid capacities are from {limits[0]} to {limits[1]} "
            "in steps of 0.5; the maximum must be at least 1 and at least the minimum.",
        )
    if least == 0:
        merged.setdefault("SecondsUntilAutoPause", 300)
    return merged


def add_member(cluster: Cluster, instance: Instance) -> None:
    """Make the instance a member; the first one is the writer."""
    member = {
        "DBInstanceIdentifier": instance.identifier,
        "IsClusterWriter": cluster.writer is None,
        "PromotionTier": instance.view["PromotionTier"],
    }
    cluster.view["DBClusterMembers"].append(member)


def bring_up_member(fleet: Fleet, cluster: Cluster, instance: Instance) -> None:
    """Start the server of a new member: the volume for the writer, a standby for a reader. Returns when it runs."""
    cluster.prepared.wait()
    if cluster.writer != instance.identifier:
        _await_writer(fleet, cluster)
    with cluster.work:
        if cluster.writer == instance.identifier:
            databases.start_writer(fleet, cluster, instance)
            cluster.writer_runs.set()
        else:
            databases.start_reader(fleet, _running_writer(fleet, cluster), instance)
        publish_hosts(fleet, cluster)


def _await_writer(fleet: Fleet, cluster: Cluster) -> None:
    """Raises RuntimeError when the writer will not run: then no reader can."""
    while not cluster.writer_runs.wait(WRITER_POLL_SECONDS):
        writer = fleet.instances.get(cluster.writer or "")
        if writer is None or writer.status in rules.DELETABLE_FAILURES:
            raise RuntimeError(f"cluster {cluster.identifier} has no writer that a reader could follow")


def publish_hosts(fleet: Fleet, cluster: Cluster) -> None:
    """Let the writer endpoint name the writer and the reader endpoint a reader, or the writer when there is none."""
    running = [member for member in fleet.members(cluster) if member.server is not None]
    hosts = (cluster.view["Endpoint"], cluster.view["ReaderEndpoint"])
    if not running:
        for host in hosts:
            fleet.platform.forget_host(host)
        return
    writer = next((member for member in running if member.identifier == cluster.writer), running[0])
    reader = next((member for member in running if member is not writer), writer)
    fleet.platform.set_host(hosts[0], writer.address)
    fleet.platform.set_host(hosts[1], reader.address)


def _running_writer(fleet: Fleet, cluster: Cluster) -> Server:
    server = fleet.instances[cluster.writer].server if cluster.writer else None
    if server is None:
        raise RuntimeError(f"cluster {cluster.identifier} has no running writer")
    return server


def _new_view(fleet: Fleet, request: Mapping[str, Any], snapshot: Snapshot) -> View:
    name, source = request["DBClusterIdentifier"].lower(), snapshot.view
    version = _target_version(request, source["EngineVersion"])
    checks.port(request, fleet.installation.port)
    family = versions.family(request["Engine"], version)
    group = parameters.require(fleet, parameters.OF_CLUSTER, request.get("DBClusterParameterGroupName"), family)
    key = request.get("KmsKeyId") or source.get("KmsKeyId")
    view: View = {
        "DBClusterIdentifier": name,
        "DBClusterArn": arn("cluster", name),
        "DbClusterResourceId": resource_id("cluster"),
        "Status": "creating",
        "Engine": request["Engine"],
        "EngineVersion": str(version),
        "EngineMode": "provisioned",
        "EngineLifecycleSupport": checks.lifecycle_support(request),
        "Endpoint": cluster_host(name),
        "ReaderEndpoint": cluster_host(name, reader=True),
        "Port": fleet.installation.port,
        "HostedZoneId": "Z2R2ITUGPM61AM",
        "MasterUsername": source["MasterUsername"],
        "DatabaseName": snapshot.source_view.get("DBName") or snapshot.source_view.get("DatabaseName"),
        "DBClusterMembers": [],
        "DBClusterParameterGroup": group,
        "DBSubnetGroup": networks.find(fleet, request.get("DBSubnetGroupName"))["DBSubnetGroupName"],
        "VpcSecurityGroups": networks.security_groups(request.get("VpcSecurityGroupIds")),
        "AvailabilityZones": list(request.get("AvailabilityZones", ZONES)),
        "AllocatedStorage": 1,
        "StorageEncrypted": key is not None,
        "KmsKeyId": key,
        "BackupRetentionPeriod": checks.backup_retention(request, least=1)
        or max(1, source.get("BackupRetentionPeriod", 1)),
        "PreferredBackupWindow": request.get("PreferredBackupWindow", "05:00-05:30"),
        "PreferredMaintenanceWindow": "sun:07:00-sun:07:30",
        "DeletionProtection": request.get("DeletionProtection", False),
        "CopyTagsToSnapshot": request.get("CopyTagsToSnapshot", False),
        "IAMDatabaseAuthenticationEnabled": request.get("EnableIAMDatabaseAuthentication", False),
        "EnabledCloudwatchLogsExports": request.get("EnableCloudwatchLogsExports", []),
        "PerformanceInsightsEnabled": request.get("EnablePerformanceInsights", False),
        "MonitoringInterval": request.get("MonitoringInterval", 0),
        "AutoMinorVersionUpgrade": True,
        "HttpEndpointEnabled": False,
        "NetworkType": "IPV4",
        "AssociatedRoles": [],
        "ReadReplicaIdentifiers": [],
        "ClusterCreateTime": now(),
    }
    scaling = capacity(request, version)
    return view | ({"ServerlessV2ScalingConfiguration": scaling} if scaling else {})


def _target_version(request: Mapping[str, Any], source_text: str) -> versions.EngineVersion:
    """The asked Aurora version; same major as the source and no older minor (AWS_RULES R1.5)."""
    if request["Engine"] != versions.AURORA:
        message = f"The snapshot cannot be restored to engine {request['Engine']}."
        raise ApiError("InvalidParameterValue", message)
    source = versions.EngineVersion.parse(source_text)
    version = versions.require(versions.AURORA, request.get("EngineVersion", str(source.major)))
    if version.major != source.major or version.minor < source.minor:
        message = f"Cannot upgrade {versions.POSTGRES} from {source} to {versions.AURORA} {version}. Specify a valid"
        raise ApiError("InvalidParameterCombination", f"{message} engine version: see ValidUpgradeTarget.")
    return version


def _fill(fleet: Fleet, cluster: Cluster, snapshot: Snapshot) -> None:
    failed = rules.failed_creation(cluster.identifier, rules.FAILED_CLUSTER)
    if failed is not None:
        fleet.platform.sleep(_RESTORE_SECONDS / 2)
        cluster.view["Status"] = failed
        return
    rules.hang_creation(fleet, cluster.identifier)
    with fleet.lasting(_RESTORE_SECONDS):
        databases.restore(fleet, snapshot.data, cluster.volume)
        cluster.prepared.set()
    cluster.view["Status"] = "available"
    events.emit(fleet, "0170", cluster.identifier)


def _fail(cluster: Cluster) -> None:
    cluster.view["Status"] = "failed"
