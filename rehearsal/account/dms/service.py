"""The emulated AWS Database Migration Service: its operations, by the names of the API model."""

from __future__ import annotations

from typing import Any

from rehearsal.account.dms import instances as replication_instances
from rehearsal.account.dms import managed_policies, names, notices
from rehearsal.account.dms.connections import Connections
from rehearsal.account.dms.endpoints import Endpoints
from rehearsal.account.dms.faults import not_found
from rehearsal.account.dms.instances import Instances, SubnetGroups
from rehearsal.account.dms.ports import AdminConnect, Platform
from rehearsal.account.dms.tasks import Tasks
from rehearsal.account.wire import Api, Operation
from rehearsal.servers.installation import default_installation


def build(platform: Platform | None = None, admin: AdminConnect | None = None) -> Api:
    """The DMS of an account: of the running one by default, with superuser sessions on the servers of this clone."""
    platform = platform or _running_account()
    tags, reports = names.Tags(), notices.Notices(platform)
    groups = SubnetGroups(platform, tags)
    instances = Instances(platform, tags, groups, reports)
    endpoints = Endpoints(platform, tags)
    connections = Connections(platform, instances, endpoints)
    connect: AdminConnect = admin or default_installation().connect
    tasks = Tasks(platform, connect, tags, reports, instances, endpoints, connections)
    operations: dict[str, Operation] = {
        "CreateReplicationSubnetGroup": groups.create,
        "DescribeReplicationSubnetGroups": groups.describe,
        "DeleteReplicationSubnetGroup": lambda request: groups.delete(request, instances.uses_group),
        "CreateReplicationInstance": instances.create,
        "DescribeReplicationInstances": instances.describe,
        "DeleteReplicationInstance": lambda request: _delete_instance(request, instances, tasks, connections),
        "DescribeOrderableReplicationInstances": replication_instances.orderable,
        "CreateEndpoint": endpoints.create,
        "ModifyEndpoint": endpoints.modify,
        "DescribeEndpoints": endpoints.describe,
        "DeleteEndpoint": lambda request: _delete_endpoint(request, endpoints, tasks, connections),
        "TestConnection": connections.test,
        "DescribeConnections": connections.describe,
        "DeleteConnection": lambda request: connections.delete(request, tasks.uses),
        "RefreshSchemas": lambda request: _refresh(request, endpoints, instances),
        "CreateReplicationTask": tasks.create,
        "ModifyReplicationTask": tasks.modify,
        "DescribeReplicationTasks": tasks.describe,
        "StartReplicationTask": tasks.start,
        "StopReplicationTask": tasks.stop,
        "DeleteReplicationTask": tasks.delete,
        "DescribeTableStatistics": tasks.table_statistics,
        "DescribeEvents": reports.describe,
        "AddTagsToResource": tags.add,
        "RemoveTagsFromResource": tags.remove,
        "ListTagsForResource": tags.list,
    }
    return Api("dms", operations)


def _running_account() -> Platform:
    from rehearsal.account import platform  # only the account's environment has ministack

    managed_policies.register()
    return platform


def _delete_instance(
    request: dict[str, Any], instances: Instances, tasks: Tasks, connections: Connections
) -> dict[str, Any]:
    answer = instances.delete(request, tasks.uses)
    connections.forget(request["ReplicationInstanceArn"])
    return answer


def _delete_endpoint(
    request: dict[str, Any], endpoints: Endpoints, tasks: Tasks, connections: Connections
) -> dict[str, Any]:
    answer = endpoints.delete(request, tasks.uses)
    connections.forget(request["EndpointArn"])
    return answer


def _refresh(request: dict[str, Any], endpoints: Endpoints, instances: Instances) -> dict[str, Any]:
    """RefreshSchemas, as far as anyone waits for it: it is done at once."""
    endpoint = endpoints.get(request["EndpointArn"])
    instance = instances.available(request["ReplicationInstanceArn"])
    if endpoint["Status"] != "active":
        raise not_found(f"Endpoint {request['EndpointArn']} not found.")
    return {
        "RefreshSchemasStatus": {
            "EndpointArn": endpoint["EndpointArn"],
            "ReplicationInstanceArn": instance["ReplicationInstanceArn"],
            "Status": "successful",
        }
    }
