"""A database server that dies: every process of it at once. RDS brings it up again; Aurora lets a reader take over.

RDS and Aurora User Guides: "Amazon RDS event categories and event messages", "High availability for Aurora".
"""

from __future__ import annotations

from rehearsal.account.rds import events, failover
from rehearsal.account.rds.fleet import Cluster, Fleet, Instance
from rehearsal.account.wire import ApiError

NOTICE_SECONDS = 30.0
"""How long RDS takes to notice and begin."""
_serving: list[Fleet] = []


def serve(fleet: Fleet) -> None:
    """Let crash() find the instances of the running account."""
    _serving[:] = [fleet]


def crash(identifier: str) -> None:
    """Kill an instance's server; it comes back by itself. Raises ValueError when there is none that runs."""
    if not _serving:
        msg = "this account has no RDS"
        raise ValueError(msg)
    crash_instance(_serving[0], identifier)


def crash_instance(fleet: Fleet, identifier: str) -> None:
    """Kill the server and begin what RDS does then; the rest goes on in the background. Raises ValueError."""
    instance = _running(fleet, identifier)
    cluster = fleet.clusters.get(instance.cluster or "")
    with fleet.lock:
        before = instance.status
        instance.view["DBInstanceStatus"] = "rebooting"
        successor = _successor(fleet, cluster, instance)
        if cluster is not None and successor is not None:
            cluster.view["Status"] = "failing-over"
    assert instance.server is not None
    instance.server.kill()

    def settle() -> None:
        instance.view["DBInstanceStatus"] = before

    if cluster is not None and successor is not None:
        fleet.in_background(lambda: _fail_over(fleet, cluster, instance, successor), settle)
    else:
        fleet.in_background(lambda: _recover(fleet, cluster, instance, before), settle)


def _running(fleet: Fleet, identifier: str) -> Instance:
    try:
        instance = fleet.instance(identifier)
    except ApiError as error:
        raise ValueError(str(error)) from error
    if instance.server is None or not instance.server.running:
        msg = f"instance {identifier} is {instance.status}: no server runs that could crash"
        raise ValueError(msg)
    return instance


def _successor(fleet: Fleet, cluster: Cluster | None, instance: Instance) -> Instance | None:
    """The reader that takes over when a cluster's writer dies."""
    if cluster is None or cluster.writer != instance.identifier or cluster.status != "available":
        return None
    ready = [reader for reader in fleet.members(cluster)[1:] if reader.status == "available" and reader.server]
    return min(ready, key=lambda reader: (reader.view["PromotionTier"], reader.identifier), default=None)


def _fail_over(fleet: Fleet, cluster: Cluster, dead: Instance, successor: Instance) -> None:
    fleet.platform.sleep(NOTICE_SECONDS)
    failover.run(fleet, cluster, successor)
    dead.view["DBInstanceStatus"] = "available"
    events.emit(fleet, "0006", dead.identifier)


def _recover(fleet: Fleet, cluster: Cluster | None, instance: Instance, before: str) -> None:
    server = instance.server
    assert server is not None
    with fleet.lasting(NOTICE_SECONDS):
        events.emit(fleet, "0020", instance.identifier)
        fleet.platform.sleep(NOTICE_SECONDS / 2)
        if cluster is None:
            server.start()
        else:
            with cluster.work:
                server.start()
    events.emit(fleet, "0021", instance.identifier)
    events.emit(fleet, "0006", instance.identifier)
    instance.view["DBInstanceStatus"] = before
