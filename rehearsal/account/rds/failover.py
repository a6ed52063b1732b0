"""FailoverDBCluster: another instance takes the cluster's volume; clients are really interrupted."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import clusters, databases, events, rules
from rehearsal.account.rds.fleet import Cluster, Fleet, Instance, View, bare_name
from rehearsal.account.wire import ApiError

# Aurora usually completes a failover within 30 to 60 s; the databases themselves are away for about half of it.
_FAILOVER_SECONDS = 30.0


def fail_over(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """FailoverDBCluster, to the named instance or to the reader of the lowest promotion tier."""
    with fleet.lock:
        cluster = fleet.cluster(request["DBClusterIdentifier"])
        if cluster.status != "available":
            raise ApiError("InvalidDBClusterStateFault", f"DB cluster {cluster.identifier} is not in available state.")
        target = _target(fleet, cluster, request.get("TargetDBInstanceIdentifier"))
        cluster.view["Status"] = "failing-over"
    fleet.in_background(lambda: run(fleet, cluster, target), lambda: cluster.view.update(Status="available"))
    return {"DBCluster": clusters.described(fleet, cluster)}


def run(fleet: Fleet, cluster: Cluster, target: Instance) -> None:
    """Make `target` the writer: servers change places, then the endpoints' names follow."""
    events.emit(fleet, "0073", cluster.identifier, instance=target.identifier)
    writer = fleet.instances[str(cluster.writer)]
    with fleet.lasting(_FAILOVER_SECONDS), cluster.work:
        if writer.server is not None:
            writer.server.stop()
        rules.hang_failover(fleet, cluster.identifier)
        # A failover restarts both servers, so what waited for a reboot takes effect.
        for instance in (writer, target):
            instance.parameters.rebooted()
        databases.switch_over(cluster, writer, target)
        with fleet.lock:
            for member in cluster.view["DBClusterMembers"]:
                member["IsClusterWriter"] = member["DBInstanceIdentifier"] == target.identifier
        for reader in fleet.members(cluster)[1:]:
            _follow(reader, target)
        clusters.publish_hosts(fleet, cluster)
    events.emit(fleet, "0071", cluster.identifier, instance=target.identifier)
    cluster.view["Status"] = "available"


def _target(fleet: Fleet, cluster: Cluster, identifier: str | None) -> Instance:
    readers = [member for member in fleet.members(cluster) if member.identifier != cluster.writer]
    ready = [member for member in readers if member.status == "available" and member.server is not None]
    if identifier is not None:
        named = bare_name(identifier)
        if named == cluster.writer or named not in [member.identifier for member in readers]:
            message = f"Cannot find or promote DB instance {named} in DB cluster {cluster.identifier}."
            raise ApiError("InvalidParameterValue", message)
        ready = [member for member in ready if member.identifier == named]
    if not ready:
        message = f"Cannot failover DB cluster {cluster.identifier}: it has no available reader."
        raise ApiError("InvalidDBClusterStateFault" if identifier is None else "InvalidDBInstanceState", message)
    return min(ready, key=lambda member: (member.view["PromotionTier"], member.identifier))


def _follow(reader: Instance, writer: Instance) -> None:
    """Point a reader that took no part in the failover at the new writer."""
    server = reader.server
    if server is not None and server.follows not in (None, writer.address):
        server.follows = writer.address
        server.reload()


def leave(fleet: Fleet, cluster: Cluster, instance: Instance) -> None:
    """Take a member out of its cluster; when it was the writer, a reader becomes the writer first. The volume stays."""
    with cluster.work:
        _leave(fleet, cluster, instance)


def _leave(fleet: Fleet, cluster: Cluster, instance: Instance) -> None:
    readers = [fleet.instances[name] for name in cluster.readers if fleet.instances[name].status == "available"]
    if cluster.writer == instance.identifier and readers:
        run(fleet, cluster, readers[0])
    with fleet.lock:
        members = cluster.view["DBClusterMembers"]
        members[:] = [member for member in members if member["DBInstanceIdentifier"] != instance.identifier]
    server = instance.server
    if server is not None and server.data == cluster.volume:
        server.stop()
        cluster.writer_runs.clear()
        instance.server = None
    else:
        databases.remove(instance)
