"""RDS: asks a cluster to fail over to its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from migration.errors import TargetNotReady

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient


def fail_over(client: RDSClient, cluster_id: str) -> None:
    """Returns at once; the failover takes some seconds. Raises TargetNotReady when the cluster is busy."""
    try:
        client.failover_db_cluster(DBClusterIdentifier=cluster_id)
    except client.exceptions.InvalidDBClusterStateFault as error:
        raise TargetNotReady(f"cluster {cluster_id} cannot fail over now: {error}") from error
