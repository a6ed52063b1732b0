"""DB cluster snapshots."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import checks, databases, events, networks, tagging
from rehearsal.account.rds.fleet import Cluster, Fleet, Snapshot, View, arn, bare_name, now
from rehearsal.account.rds.snapshots import SNAPSHOT_SECONDS, progress, require_of_cluster
from rehearsal.account.wire import ApiError

_COPIED = (
    "Engine",
    "EngineVersion",
    "EngineMode",
    "AvailabilityZones",
    "AllocatedStorage",
    "ClusterCreateTime",
    "MasterUsername",
    "StorageEncrypted",
    "KmsKeyId",
    "BackupRetentionPeriod",
    "IAMDatabaseAuthenticationEnabled",
    "DbClusterResourceId",
)


def create(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """CreateDBClusterSnapshot of an available cluster."""
    name = checks.identifier(request["DBClusterSnapshotIdentifier"], "DBClusterSnapshotIdentifier")
    with fleet.lock:
        cluster = fleet.cluster(request["DBClusterIdentifier"])
        if cluster.status != "available":
            raise ApiError("InvalidDBClusterStateFault", f"DB cluster {cluster.identifier} is not in available state.")
        snapshot = of_cluster(fleet, name, cluster)
        tagging.put(fleet, snapshot.view["DBClusterSnapshotArn"], request)
    fleet.in_background(lambda: take(fleet, snapshot, cluster), lambda: snapshot.view.update(Status="failed"))
    return {"DBClusterSnapshot": _described(fleet, snapshot)}


def of_cluster(fleet: Fleet, name: str, cluster: Cluster) -> Snapshot:
    """A new snapshot record of a cluster. Raises DBClusterSnapshotAlreadyExistsFault."""
    if name in fleet.cluster_snapshots:
        message = f"Cannot create the cluster snapshot {name}: it already exists."
        raise ApiError("DBClusterSnapshotAlreadyExistsFault", message)
    source = cluster.view
    view: View = {
        "DBClusterSnapshotIdentifier": name,
        "DBClusterSnapshotArn": arn("cluster-snapshot", name),
        "DBClusterIdentifier": cluster.identifier,
        "SnapshotCreateTime": now(),
        "Status": "creating",
        "SnapshotType": "manual",
        "Port": fleet.installation.port,
        "VpcId": networks.find(fleet, source["DBSubnetGroup"])["VpcId"],
        "LicenseModel": "postgresql-license",
        **{member: source[member] for member in _COPIED if member in source},
    }
    snapshot = Snapshot(view, fleet.installation.snapshots / f"cluster.{name}", dict(source))
    fleet.cluster_snapshots[name] = snapshot
    if source["CopyTagsToSnapshot"]:
        fleet.tags[view["DBClusterSnapshotArn"]] = dict(fleet.tags.get(source["DBClusterArn"], {}))
    return snapshot


def take(fleet: Fleet, snapshot: Snapshot, cluster: Cluster) -> None:
    """Copy the cluster's volume, through its writer when one runs. Returns when the snapshot is available."""
    name = snapshot.view["DBClusterSnapshotIdentifier"]
    events.emit(fleet, "0074", name)
    with fleet.lasting(SNAPSHOT_SECONDS), cluster.work:
        writer = fleet.instances.get(cluster.writer or "")
        if writer is not None and writer.server is not None:
            databases.save(fleet, writer.address, snapshot.data)
        else:
            databases.restore(fleet, cluster.volume, snapshot.data)
    snapshot.view["Status"] = "available"
    events.emit(fleet, "0075", name)


def describe(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DescribeDBClusterSnapshots."""
    name, source = request.get("DBClusterSnapshotIdentifier"), request.get("DBClusterIdentifier")
    with fleet.lock:
        found = [require_of_cluster(fleet, name)] if name else list(fleet.cluster_snapshots.values())
        views = [
            _described(fleet, one)
            for one in found
            if (source is None or one.view["DBClusterIdentifier"] == bare_name(source))
            and request.get("SnapshotType") in (None, one.view["SnapshotType"])
        ]
    return checks.page(request, "DBClusterSnapshots", views, lambda view: view["DBClusterSnapshotIdentifier"])


def delete(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DeleteDBClusterSnapshot; only an available one."""
    with fleet.lock:
        snapshot = require_of_cluster(fleet, request["DBClusterSnapshotIdentifier"])
        if snapshot.view["Status"] not in ("available", "failed"):
            raise ApiError("InvalidDBClusterSnapshotStateFault", "Snapshot is not currently in available state.")
        del fleet.cluster_snapshots[snapshot.view["DBClusterSnapshotIdentifier"]]
    shutil.rmtree(snapshot.data, ignore_errors=True)
    return {"DBClusterSnapshot": {**snapshot.view, "Status": "deleted"}}


def _described(fleet: Fleet, snapshot: Snapshot) -> View:
    tags = tagging.listed(fleet, snapshot.view["DBClusterSnapshotArn"])
    return {**snapshot.view, "PercentProgress": progress(snapshot, fleet), "TagList": tags}
