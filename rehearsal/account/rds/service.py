"""The emulated RDS: which operations it offers, and its start in the account's process."""

from __future__ import annotations

import atexit
import functools
import shutil
from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.account.platform_protocol import Platform
from rehearsal.account.rds import (
    cluster_changes,
    cluster_snapshots,
    clusters,
    crash,
    events,
    failover,
    instance_changes,
    instances,
    metrics,
    networks,
    parameters,
    snapshots,
    tagging,
    versions,
)
from rehearsal.account.rds.fleet import Fleet, View
from rehearsal.account.rds.parameters import OF_CLUSTER, OF_INSTANCE
from rehearsal.account.wire import Api
from rehearsal.servers.installation import Installation, default_installation

FleetOperation = Callable[[Fleet, Mapping[str, Any]], View]

_INSTANCE_OPERATIONS: Mapping[str, FleetOperation] = {
    "CreateDBInstance": instances.create,
    "DescribeDBInstances": instances.describe,
    "ModifyDBInstance": instance_changes.modify,
    "RebootDBInstance": instances.reboot,
    "StartDBInstance": instances.start,
    "StopDBInstance": instances.stop,
    "DeleteDBInstance": instance_changes.delete,
    "CreateDBSnapshot": snapshots.create,
    "DescribeDBSnapshots": snapshots.describe,
    "DeleteDBSnapshot": snapshots.delete,
}
_CLUSTER_OPERATIONS: Mapping[str, FleetOperation] = {
    "RestoreDBClusterFromSnapshot": clusters.restore,
    "DescribeDBClusters": clusters.describe,
    "ModifyDBCluster": cluster_changes.modify,
    "DeleteDBCluster": cluster_changes.delete,
    "FailoverDBCluster": failover.fail_over,
    "CreateDBClusterSnapshot": cluster_snapshots.create,
    "DescribeDBClusterSnapshots": cluster_snapshots.describe,
    "DeleteDBClusterSnapshot": cluster_snapshots.delete,
}
_OTHER_OPERATIONS: Mapping[str, FleetOperation] = {
    "CreateDBSubnetGroup": networks.create,
    "DescribeDBSubnetGroups": networks.describe,
    "DeleteDBSubnetGroup": networks.delete,
    "DescribeEvents": events.describe,
    "AddTagsToResource": tagging.add,
    "RemoveTagsFromResource": tagging.remove,
    "ListTagsForResource": tagging.list_tags,
    "DescribeDBEngineVersions": lambda _, request: versions.describe_engine_versions(request),
    "DescribeOrderableDBInstanceOptions": lambda _, request: versions.describe_orderable_options(request),
    "DescribePendingMaintenanceActions": lambda *_: {"PendingMaintenanceActions": []},
}
_GROUP_OPERATIONS: Mapping[str, Callable[[Fleet, parameters.Kind, Mapping[str, Any]], View]] = {
    "Create{}ParameterGroup": parameters.create,
    "Modify{}ParameterGroup": parameters.modify,
    "Delete{}ParameterGroup": parameters.delete,
    "Describe{}ParameterGroups": parameters.describe_groups,
    "Describe{}Parameters": parameters.describe,
}


def build(platform: Platform | None = None, installation: Installation | None = None) -> Api:
    """The RDS of this account, empty. Ends the servers that an earlier, killed account left and deletes their data."""
    if platform is None:
        from rehearsal.account import platform as account_platform  # ministack is in the account's environment only

        platform = account_platform
    fleet = Fleet(platform, installation or default_installation())
    _clear(fleet.installation)
    atexit.register(fleet.installation.close)
    metrics.start(fleet)
    crash.serve(fleet)
    return api_of(fleet)


def api_of(fleet: Fleet) -> Api:
    """The front of one fleet."""
    return Api("rds", operations(fleet))


def operations(fleet: Fleet) -> dict[str, Callable[[dict[str, Any]], View]]:
    """The operation table of one fleet."""
    plain = {**_INSTANCE_OPERATIONS, **_CLUSTER_OPERATIONS, **_OTHER_OPERATIONS}
    table: dict[str, Callable[[dict[str, Any]], View]] = {
        name: functools.partial(operation, fleet) for name, operation in plain.items()
    }
    for pattern, operation in _GROUP_OPERATIONS.items():
        table[pattern.format("DB")] = functools.partial(operation, fleet, OF_INSTANCE)
        table[pattern.format("DBCluster")] = functools.partial(operation, fleet, OF_CLUSTER)
    return table


def _clear(installation: Installation) -> None:
    installation.kill_leftovers()
    for directory in (installation.servers, installation.snapshots):
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir()
        directory.chmod(0o755)
