"""DB snapshots and DB cluster snapshots: a real copy of the live server, taken when the snapshot begins."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import checks, databases, events, rules, tagging
from rehearsal.account.rds.fleet import Fleet, Instance, Snapshot, View, arn, bare_name, now
from rehearsal.account.wire import ApiError

SNAPSHOT_SECONDS = 180.0


def create(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """CreateDBSnapshot of an instance that is no cluster's member."""
    name = checks.identifier(request["DBSnapshotIdentifier"], "DBSnapshotIdentifier", longest=255)
    with fleet.lock:
        instance = fleet.instance(request["DBInstanceIdentifier"])
        if instance.cluster:
            message = "The specified instance is a member of a cluster and a snapshot cannot be created directly:"
            raise ApiError("InvalidParameterValue", f"{message} {instance.identifier}")
        if name in fleet.snapshots:
            message = f"Cannot create the snapshot because a snapshot with the identifier {name} already exists."
            raise ApiError("DBSnapshotAlreadyExists", message)
        if instance.status != "available":
            message = f"Cannot create a snapshot because the database instance {instance.identifier} is not currently"
            raise ApiError("InvalidDBInstanceState", f"{message} in the available state.")
        snapshot = of_instance(fleet, name, instance)
        tagging.put(fleet, snapshot.view["DBSnapshotArn"], request)
        instance.view["DBInstanceStatus"] = "backing-up"
    fleet.in_background(lambda: _take(fleet, snapshot, instance), lambda: _fail(snapshot, instance))
    return {"DBSnapshot": _described(fleet, snapshot)}


def of_instance(fleet: Fleet, name: str, instance: Instance) -> Snapshot:
    """A new snapshot record of an instance, with its tags when the instance says so."""
    source = instance.view
    view: View = {
        "DBSnapshotIdentifier": name,
        "DBSnapshotArn": arn("snapshot", name),
        "DBInstanceIdentifier": instance.identifier,
        "SnapshotCreateTime": now(),
        "OriginalSnapshotCreateTime": now(),
        "Status": "creating",
        "SnapshotType": "manual",
        "Port": fleet.installation.port,
        "Encrypted": source["StorageEncrypted"],
        "VpcId": source["DBSubnetGroup"]["VpcId"],
        "SnapshotTarget": "region",
        **{
            member: source[member]
            for member in (
                "Engine",
                "EngineVersion",
                "AllocatedStorage",
                "AvailabilityZone",
                "InstanceCreateTime",
                "MasterUsername",
                "LicenseModel",
                "StorageType",
                "KmsKeyId",
                "DbiResourceId",
                "BackupRetentionPeriod",
                "IAMDatabaseAuthenticationEnabled",
            )
            if member in source
        },
    }
    snapshot = Snapshot(view, fleet.installation.snapshots / name, dict(source))
    fleet.snapshots[name] = snapshot
    if source["CopyTagsToSnapshot"]:
        fleet.tags[view["DBSnapshotArn"]] = dict(fleet.tags.get(source["DBInstanceArn"], {}))
    return snapshot


def describe(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DescribeDBSnapshots."""
    name, source = request.get("DBSnapshotIdentifier"), request.get("DBInstanceIdentifier")
    with fleet.lock:
        found = [require(fleet, name)] if name else list(fleet.snapshots.values())
        views = [
            _described(fleet, one)
            for one in found
            if (source is None or one.view["DBInstanceIdentifier"] == bare_name(source))
            and request.get("SnapshotType") in (None, one.view["SnapshotType"])
        ]
    return checks.page(request, "DBSnapshots", views, lambda view: view["DBSnapshotIdentifier"])


def delete(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DeleteDBSnapshot; only an available one."""
    with fleet.lock:
        snapshot = require(fleet, request["DBSnapshotIdentifier"])
        if snapshot.view["Status"] not in ("available", "failed"):
            raise ApiError("InvalidDBSnapshotState", "Snapshot is not currently in available state.")
        del fleet.snapshots[snapshot.view["DBSnapshotIdentifier"]]
    shutil.rmtree(snapshot.data, ignore_errors=True)
    events.emit(fleet, "0041", snapshot.view["DBSnapshotIdentifier"])
    return {"DBSnapshot": {**snapshot.view, "Status": "deleted"}}


def require(fleet: Fleet, identifier: str) -> Snapshot:
    """An instance snapshot by identifier or ARN. Raises DBSnapshotNotFound."""
    found = fleet.snapshots.get(bare_name(identifier))
    if found is None:
        raise ApiError("DBSnapshotNotFound", f"DBSnapshot {bare_name(identifier)} not found.")
    return found


def to_restore(fleet: Fleet, identifier: str) -> Snapshot:
    """The snapshot a cluster is to be restored from: an instance snapshot by ARN only, a cluster snapshot by either."""
    if ":snapshot:" in identifier:
        snapshot, code = require(fleet, identifier), "InvalidDBSnapshotState"
    else:
        snapshot, code = require_of_cluster(fleet, identifier), "InvalidDBClusterSnapshotStateFault"
    if snapshot.view["Status"] != "available":
        raise ApiError(code, f"Snapshot {bare_name(identifier)} is not in available state.")
    return snapshot


def require_of_cluster(fleet: Fleet, identifier: str) -> Snapshot:
    """A cluster snapshot by identifier or ARN. Raises DBClusterSnapshotNotFoundFault."""
    found = fleet.cluster_snapshots.get(bare_name(identifier))
    if found is None:
        raise ApiError("DBClusterSnapshotNotFoundFault", f"DBClusterSnapshot not found: {bare_name(identifier)}")
    return found


def take_copy(fleet: Fleet, snapshot: Snapshot, address: str) -> None:
    """Copy the live server, then let the rest of a snapshot's usual time pass and make it available."""
    with fleet.lasting(SNAPSHOT_SECONDS):
        databases.save(fleet, address, snapshot.data)
    snapshot.view["Status"] = "available"


def progress(snapshot: Snapshot, fleet: Fleet) -> int:
    """PercentProgress: by the time that passed, 100 only when it is available."""
    if snapshot.view["Status"] == "available":
        return 100
    passed = (time.monotonic() - snapshot.began_at) * fleet.platform.pace()
    return min(99, int(100 * passed / SNAPSHOT_SECONDS))


def _described(fleet: Fleet, snapshot: Snapshot) -> View:
    tags = tagging.listed(fleet, snapshot.view["DBSnapshotArn"])
    return {**snapshot.view, "PercentProgress": progress(snapshot, fleet), "TagList": tags}


def _take(fleet: Fleet, snapshot: Snapshot, instance: Instance) -> None:
    events.emit(fleet, "0040", snapshot.view["DBSnapshotIdentifier"])
    if rules.snapshot_fails(snapshot.view["DBSnapshotIdentifier"]):
        fleet.platform.sleep(SNAPSHOT_SECONDS / 2)
        _fail(snapshot, instance)
        return
    take_copy(fleet, snapshot, instance.address)
    instance.view["DBInstanceStatus"] = "available"
    events.emit(fleet, "0042", snapshot.view["DBSnapshotIdentifier"])


def _fail(snapshot: Snapshot, instance: Instance) -> None:
    snapshot.view["Status"] = "failed"
    instance.view["DBInstanceStatus"] = "available"
