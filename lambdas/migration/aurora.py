"""The target: an Aurora PostgreSQL cluster restored from the snapshot, with two Serverless v2 instances."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from migration.errors import RetirementPending, StateDrifted, TargetNotReady
from migration.model import MigrationPlan
from migration.names import MIGRATION_TAG, Names

if TYPE_CHECKING:
    from types_boto3_rds import RDSClient
    from types_boto3_rds.type_defs import DBClusterTypeDef

SERVERLESS = "db.serverless"
INSIGHTS_RETENTION_DAYS = 7
# States a cluster or instance passes on its way to `available` (RDS and Aurora User Guides, "Viewing status").
_ON_THE_WAY = frozenset(
    {
        "backing-up",
        "configuring-enhanced-monitoring",
        "configuring-log-exports",
        "creating",
        "failing-over",
        "maintenance",
        "migrating",
        "modifying",
        "rebooting",
        "renaming",
        "resetting-master-credentials",
        "starting",
        "storage-optimization",
        "upgrading",
    }
)


@dataclass(frozen=True)
class TargetEndpoints:
    """Where the available cluster is reached, and the secret of its master user (kept and rotated by RDS)."""

    cluster_arn: str
    writer_host: str
    reader_host: str
    port: int
    master_secret_arn: str


class Aurora:
    """Adapter around one RDS client, for one migration's cluster. Making what exists already and is ours is done."""

    def __init__(self, client: RDSClient, plan: MigrationPlan, tags: dict[str, str] | None = None) -> None:
        self._client = client
        self._plan = plan
        self._names = Names(plan)
        self._tags: list[Any] = [{"Key": k, "Value": v} for k, v in {**(tags or {}), **self._names.tags}.items()]

    def create_parameter_group(self) -> None:
        """A cluster parameter group with logical replication on: static, so it must be there from the start (R3.8).

        And read-only by default: the copy comes up with the application's roles able to log in, and nothing else
        refuses their writes before StartReplication has set the guards.
        """
        name = self._names.parameter_group
        with suppress(self._client.exceptions.DBParameterGroupAlreadyExistsFault):
            self._client.create_db_cluster_parameter_group(
                DBClusterParameterGroupName=name,
                DBParameterGroupFamily=self._plan.target.parameter_group_family,
                Description=f"Crossfade migration {self._plan.migration_id}",
                Tags=self._tags,
            )
        self._set_parameter("rds.logical_replication", "1", "pending-reboot")
        self._set_parameter("default_transaction_read_only", "1", "immediate")

    def allow_writes(self) -> None:
        """Ends the read-only default that shuts the copy until its guards are set; dynamic, so it takes seconds."""
        self._set_parameter("default_transaction_read_only", "0", "immediate")

    def _set_parameter(self, name: str, value: str, apply: Literal["immediate", "pending-reboot"]) -> None:
        self._client.modify_db_cluster_parameter_group(
            DBClusterParameterGroupName=self._names.parameter_group,
            Parameters=[{"ParameterName": name, "ParameterValue": value, "ApplyMethod": apply}],
        )

    def restore_cluster(self, snapshot_arn: str) -> None:
        """Restores the empty cluster shell (AWS_RULES R1.1–R1.3, R1.7). Raises StateDrifted if the name is taken.

        It is protected from deletion once it is available: a cluster that failed to come up takes no modification, so
        the protection could not be lifted.
        """
        plan = self._plan
        encryption: dict[str, Any] = {"KmsKeyId": plan.source.kms_key_id} if plan.source.kms_key_id else {}
        try:
            self._client.restore_db_cluster_from_snapshot(
                DBClusterIdentifier=self._names.cluster,
                SnapshotIdentifier=snapshot_arn,
                Engine=plan.target.engine,
                EngineVersion=plan.target.engine_version,
                EngineLifecycleSupport="open-source-rds-extended-support-disabled",
                ServerlessV2ScalingConfiguration={
                    "MinCapacity": plan.target.min_acu,
                    "MaxCapacity": plan.target.max_acu,
                },
                DBClusterParameterGroupName=self._names.parameter_group,
                DBSubnetGroupName=plan.source.subnet_group,
                VpcSecurityGroupIds=plan.source.security_group_ids,
                Port=plan.source.port,
                EnableCloudwatchLogsExports=["postgresql"],
                CopyTagsToSnapshot=True,
                Tags=self._tags,
                **encryption,
            )
        except self._client.exceptions.DBClusterAlreadyExistsFault:
            cluster = self.cluster()
            if cluster is not None and not self._is_ours(cluster):
                raise StateDrifted(
                    f"The cluster {self._names.cluster} exists and is not of this migration: delete or rename it."
                ) from None

    def await_available(self) -> TargetEndpoints:
        """Endpoints of the ready cluster; its instances are made here, because a restored cluster takes none earlier.

        (API reference, RestoreDBClusterFromSnapshot: "only after … the DB cluster is available".)
        Raises TargetNotReady with the progress, StateDrifted for a state that does not lead to `available`.
        """
        cluster = self.cluster()
        if cluster is None:
            raise StateDrifted(f"The cluster {self._names.cluster} does not exist any more.")
        self._require_available({self._names.cluster: cluster["Status"]})
        states = {instance_id: self._instance_status(instance_id) for instance_id in self._names.instances}
        missing = [instance_id for instance_id, status in states.items() if status == "gone"]
        if missing:
            self._create_instances(missing)
            raise TargetNotReady(f"{', '.join(missing)}: creating")
        self._require_available(states)
        secret = self._master_secret(cluster)
        self._require_in_sync(cluster)
        return TargetEndpoints(
            cluster["DBClusterArn"], cluster["Endpoint"], cluster["ReaderEndpoint"], cluster["Port"], secret
        )

    def require_available(self) -> None:
        """Looks whether the cluster and its instances are available, changes nothing.

        Raises TargetNotReady with the progress, StateDrifted for a state that does not lead to `available`.
        """
        cluster = self.cluster()
        if cluster is None:
            raise StateDrifted(f"The cluster {self._names.cluster} does not exist any more.")
        instances = {instance_id: self._instance_status(instance_id) for instance_id in self._names.instances}
        self._require_available({self._names.cluster: cluster["Status"], **instances})
        self._require_in_sync(cluster)

    def _create_instances(self, instance_ids: list[str]) -> None:
        """First the writer, then the reader, which is first in line for a failover too."""
        for instance_id in instance_ids:
            with suppress(self._client.exceptions.DBInstanceAlreadyExistsFault):
                self._client.create_db_instance(
                    DBInstanceIdentifier=instance_id,
                    DBClusterIdentifier=self._names.cluster,
                    DBInstanceClass=SERVERLESS,
                    Engine=self._plan.target.engine,
                    EngineVersion=self._plan.target.engine_version,
                    PromotionTier=self._names.instances.index(instance_id),
                    AutoMinorVersionUpgrade=False,
                    PubliclyAccessible=False,
                    EnablePerformanceInsights=True,
                    PerformanceInsightsRetentionPeriod=INSIGHTS_RETENTION_DAYS,
                    CopyTagsToSnapshot=True,
                    Tags=self._tags,
                )

    def cluster(self) -> DBClusterTypeDef | None:
        """The cluster as RDS describes it, None when there is none."""
        try:
            return self._client.describe_db_clusters(DBClusterIdentifier=self._names.cluster)["DBClusters"][0]
        except self._client.exceptions.DBClusterNotFoundFault:
            return None

    def discard(self) -> None:
        """Deletes instances, cluster and parameter group. Raises RetirementPending until all are gone."""
        cluster = self.cluster()
        if cluster is not None and self._is_ours(cluster):
            self._delete_members(cluster)
        self._delete_parameter_group()

    def _delete_members(self, cluster: DBClusterTypeDef) -> None:
        """Readers before the writer: the other order would fail over to a reader first."""
        name = self._names.cluster
        if cluster["Status"] != "deleting":
            self._require_deletable(cluster)
            if cluster.get("DeletionProtection"):
                self._client.modify_db_cluster(
                    DBClusterIdentifier=name, DeletionProtection=False, ApplyImmediately=True
                )
            writers = [
                member["DBInstanceIdentifier"] for member in cluster["DBClusterMembers"] if member["IsClusterWriter"]
            ]
            self._delete_instances([item for item in self._names.instances if item not in writers])
            self._delete_instances(writers)
            self._delete_cluster()
        raise RetirementPending(f"cluster {name} is being deleted")

    def _require_deletable(self, cluster: DBClusterTypeDef) -> None:
        if cluster["Status"] in _ON_THE_WAY:
            raise RetirementPending(
                f"cluster {self._names.cluster} is {cluster['Status']}; it is deleted when that ends"
            )

    def _delete_instances(self, instance_ids: list[str]) -> None:
        """Raises RetirementPending until they are gone."""
        states = {instance_id: self._instance_status(instance_id) for instance_id in instance_ids}
        left = {instance_id: status for instance_id, status in states.items() if status != "gone"}
        for instance_id in (instance_id for instance_id, status in left.items() if status != "deleting"):
            with suppress(
                self._client.exceptions.DBInstanceNotFoundFault,
                self._client.exceptions.InvalidDBInstanceStateFault,  # busy: the next turn finds it available
            ):
                self._client.delete_db_instance(DBInstanceIdentifier=instance_id, SkipFinalSnapshot=True)
        if left:
            raise RetirementPending(", ".join(f"instance {name} is {status}" for name, status in left.items()))

    def _delete_cluster(self) -> None:
        try:
            self._client.delete_db_cluster(DBClusterIdentifier=self._names.cluster, SkipFinalSnapshot=True)
        except (
            self._client.exceptions.DBClusterNotFoundFault,
            self._client.exceptions.InvalidDBClusterStateFault,  # its instances are still being deleted
        ):
            return

    def _delete_parameter_group(self) -> None:
        try:
            self._client.delete_db_cluster_parameter_group(DBClusterParameterGroupName=self._names.parameter_group)
        except self._client.exceptions.DBParameterGroupNotFoundFault:
            return
        except self._client.exceptions.InvalidDBParameterGroupStateFault:
            raise RetirementPending(f"parameter group {self._names.parameter_group} is still in use") from None

    def _is_ours(self, cluster: DBClusterTypeDef) -> bool:
        tags = {tag["Key"]: tag["Value"] for tag in cluster.get("TagList", [])}
        return tags.get(MIGRATION_TAG) == self._plan.migration_id

    def _instance_status(self, instance_id: str) -> str:
        try:
            answer = self._client.describe_db_instances(DBInstanceIdentifier=instance_id)
            return answer["DBInstances"][0]["DBInstanceStatus"]
        except self._client.exceptions.DBInstanceNotFoundFault:
            return "gone"

    def _require_available(self, states: dict[str, str]) -> None:
        stuck = {name: status for name, status in states.items() if status not in _ON_THE_WAY and status != "available"}
        if stuck:
            raise StateDrifted("; ".join(f"{name} is {status}" for name, status in stuck.items()) + ".")
        if set(states.values()) != {"available"}:
            raise TargetNotReady(", ".join(f"{name}: {status}" for name, status in states.items()))

    def _master_secret(self, cluster: DBClusterTypeDef) -> str:
        """Protection from deletion, the master password kept by RDS, backups as the plan says: in one modification."""
        secret = cluster.get("MasterUserSecret")
        if secret is None:
            self._client.modify_db_cluster(
                DBClusterIdentifier=self._names.cluster,
                ManageMasterUserPassword=True,
                DeletionProtection=True,
                BackupRetentionPeriod=self._plan.target.backup_retention_days,
                ApplyImmediately=True,
            )
            raise TargetNotReady(f"{self._names.cluster}: its master password is being handed to Secrets Manager")
        if secret.get("SecretStatus") != "active":
            raise TargetNotReady(f"{self._names.cluster}: its master secret is {secret.get('SecretStatus')}")
        return secret["SecretArn"]

    def _require_in_sync(self, cluster: DBClusterTypeDef) -> None:
        for member in cluster.get("DBClusterMembers", []):
            status = member.get("DBClusterParameterGroupStatus", "in-sync")
            if status == "pending-reboot":
                raise StateDrifted(f"{member['DBInstanceIdentifier']} started without logical replication.")
            if status != "in-sync":
                raise TargetNotReady(f"{member['DBInstanceIdentifier']}: parameters are {status}")
