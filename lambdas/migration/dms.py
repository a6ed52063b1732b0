"""DMS: instance, endpoints and task of one migration. boto3's DMS waiters are wrong (AWS_RULES R3.5): we poll."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migration.errors import ReplicationNotReady, RetirementPending, StateDrifted
from migration.names import Names

if TYPE_CHECKING:
    from types_boto3_dms import DatabaseMigrationServiceClient
    from types_boto3_dms.type_defs import ReplicationInstanceTypeDef, ReplicationTaskTypeDef, TableStatisticsTypeDef

ALLOCATED_STORAGE_GIB = 100
STARTED = frozenset({"starting", "running"})
FINAL_TASK_STATES = frozenset({"ready", "stopped", "failed"})


@dataclass(frozen=True)
class Replication:
    """What later states need to watch the task. `task_resource_id` is the metric dimension (AWS_RULES R3.4)."""

    task_arn: str
    task_resource_id: str
    replication_instance_id: str


def orderable_classes(client: DatabaseMigrationServiceClient) -> set[str]:
    """Replication instance classes this Region offers."""
    pages = client.get_paginator("describe_orderable_replication_instances").paginate()
    return {item["ReplicationInstanceClass"] for page in pages for item in page["OrderableReplicationInstances"]}


class Dms:
    """Adapter around one DMS client, for one migration's resources. Making what exists already is done."""

    def __init__(self, client: DatabaseMigrationServiceClient, names: Names) -> None:
        self._client = client
        self._names = names
        self._tags: list[Any] = [{"Key": key, "Value": value} for key, value in names.tags.items()]

    def create_instance(self, instance_class: str, subnet_ids: list[str], security_group_ids: list[str]) -> None:
        """Subnet group and replication instance beside the source, in its subnets and security groups."""
        group = self._names.replication_subnet_group
        if not self._subnet_group_exists():
            with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsFault):
                self._client.create_replication_subnet_group(
                    ReplicationSubnetGroupIdentifier=group,
                    ReplicationSubnetGroupDescription=f"Crossfade {self._names.plan.migration_id}",
                    SubnetIds=subnet_ids,
                    Tags=self._tags,
                )
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsFault):
            self._client.create_replication_instance(
                ReplicationInstanceIdentifier=self._names.replication_instance,
                ReplicationInstanceClass=instance_class,
                AllocatedStorage=ALLOCATED_STORAGE_GIB,
                ReplicationSubnetGroupIdentifier=group,
                VpcSecurityGroupIds=security_group_ids,
                MultiAZ=False,
                PubliclyAccessible=False,
                AutoMinorVersionUpgrade=False,
                Tags=self._tags,
            )

    def create_endpoint(self, endpoint_type: str, settings: dict[str, Any]) -> str:
        """Makes the `source` or `target` endpoint with these PostgreSQLSettings; returns its ARN."""
        is_source = endpoint_type == "source"
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsFault):
            self._client.create_endpoint(
                EndpointIdentifier=self._names.source_endpoint if is_source else self._names.target_endpoint,
                EndpointType="source" if is_source else "target",
                EngineName="postgres" if is_source else "aurora-postgresql",
                DatabaseName=settings["DatabaseName"],
                SslMode="require",
                PostgreSQLSettings={key: value for key, value in settings.items() if key != "DatabaseName"},  # type: ignore[arg-type]
                Tags=self._tags,
            )
        arn = self._endpoint_arn(endpoint_type)
        if arn is None:
            raise ReplicationNotReady(f"the {endpoint_type} endpoint is not visible yet")
        return arn

    def available_instance_arn(self) -> str:
        """Raises ReplicationNotReady while the replication instance is made, StateDrifted when that failed."""
        instance = self._instance()
        name = self._names.replication_instance
        if instance is None:
            raise StateDrifted(f"The replication instance {name} does not exist any more.")
        status = instance["ReplicationInstanceStatus"]
        if status in ("creating", "modifying", "upgrading", "maintenance"):
            raise ReplicationNotReady(f"replication instance {name}: {status}")
        if status != "available":
            raise StateDrifted(f"The replication instance {name} is {status}.")
        return instance["ReplicationInstanceArn"]

    def require_connections(self, instance_arn: str, endpoint_arns: list[str]) -> None:
        """Tests each endpoint once. Raises ReplicationNotReady until all tests passed, StateDrifted when one failed."""
        tested = {item["EndpointArn"]: item for item in self._connections(instance_arn)}
        for arn in (arn for arn in endpoint_arns if arn not in tested):
            self._client.test_connection(ReplicationInstanceArn=instance_arn, EndpointArn=arn)
        for arn in (arn for arn in endpoint_arns if arn in tested):
            if tested[arn]["Status"] == "failed":
                name, why = tested[arn].get("EndpointIdentifier", arn), tested[arn].get("LastFailureMessage", "")
                raise StateDrifted(f"DMS cannot connect through endpoint {name}: {why}")
        waiting = [arn for arn in endpoint_arns if tested.get(arn, {}).get("Status") != "successful"]
        if waiting:
            raise ReplicationNotReady(
                f"connection tests: {len(endpoint_arns) - len(waiting)} of {len(endpoint_arns)} passed"
            )

    def create_task(self, instance_arn: str, source_arn: str, target_arn: str, mappings: str, settings: str) -> None:
        """A full-load-and-cdc task; DMS makes its own slot (AWS_RULES R2.2)."""
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsFault):
            self._client.create_replication_task(
                ReplicationTaskIdentifier=self._names.replication_task,
                SourceEndpointArn=source_arn,
                TargetEndpointArn=target_arn,
                ReplicationInstanceArn=instance_arn,
                MigrationType="full-load-and-cdc",
                TableMappings=mappings,
                ReplicationTaskSettings=settings,
                Tags=self._tags,
            )

    def start_task(self) -> Replication:
        """Starts the task. Raises ReplicationNotReady while it is made, StateDrifted if it failed."""
        task = self.task()
        status = task["Status"]
        if status == "ready":
            self._client.start_replication_task(
                ReplicationTaskArn=task["ReplicationTaskArn"], StartReplicationTaskType="start-replication"
            )
        elif status in ("creating", "modifying", "testing"):
            raise ReplicationNotReady(f"replication task {self._names.replication_task}: {status}")
        elif status not in STARTED:
            raise StateDrifted(f"The replication task {self._names.replication_task} is {status}{_why(task)}.")
        return self.replication(task)

    def replication(self, task: ReplicationTaskTypeDef) -> Replication:
        """Names of the running task."""
        arn = task["ReplicationTaskArn"]
        return Replication(arn, arn.rsplit(":", 1)[-1], self._names.replication_instance)

    def find_task(self) -> ReplicationTaskTypeDef | None:
        """The task as DMS describes it, None when there is none."""
        name = self._names.replication_task
        try:
            answer = self._client.describe_replication_tasks(
                Filters=[{"Name": "replication-task-id", "Values": [name]}], WithoutSettings=True
            )
        except self._client.exceptions.ResourceNotFoundFault:
            return None
        return next(iter(answer["ReplicationTasks"]), None)

    def task(self) -> ReplicationTaskTypeDef:
        """Like `find_task`. Raises StateDrifted when there is none."""
        found = self.find_task()
        if found is None:
            raise StateDrifted(f"The replication task {self._names.replication_task} does not exist.")
        return found

    def running_task(self) -> ReplicationTaskTypeDef:
        """The task while it works. Raises StateDrifted when it stopped or failed, with DMS's reason."""
        task = self.task()
        if task["Status"] not in STARTED:
            raise StateDrifted(f"The replication task {self._names.replication_task} is {task['Status']}{_why(task)}.")
        return task

    def table_statistics(self, task_arn: str) -> list[TableStatisticsTypeDef]:
        """Every table of the task."""
        pages = self._client.get_paginator("describe_table_statistics").paginate(ReplicationTaskArn=task_arn)
        return [item for page in pages for item in page["TableStatistics"]]

    def stop_task(self) -> bool:
        """Asks the task to stop; True when nothing of it runs any more (or it never existed)."""
        task = self.find_task()
        if task is None or task["Status"] in FINAL_TASK_STATES:
            return True
        if task["Status"] == "running":
            with contextlib.suppress(self._client.exceptions.InvalidResourceStateFault):
                self._client.stop_replication_task(ReplicationTaskArn=task["ReplicationTaskArn"])
        return False

    def delete_task(self) -> None:
        """Stops and deletes the task. Raises RetirementPending until it is gone."""
        task = self.find_task()
        if task is None:
            return
        if self.stop_task():
            with contextlib.suppress(
                self._client.exceptions.ResourceNotFoundFault, self._client.exceptions.InvalidResourceStateFault
            ):
                self._client.delete_replication_task(ReplicationTaskArn=task["ReplicationTaskArn"])
        raise RetirementPending(f"replication task {self._names.replication_task} is being stopped and deleted")

    def delete_rest(self) -> None:
        """Deletes what the task used; the task must be gone. Raises RetirementPending until all of it is."""
        busy = self._client.exceptions.InvalidResourceStateFault
        gone = self._client.exceptions.ResourceNotFoundFault
        pending: list[str] = []
        for endpoint_type in ("source", "target"):
            arn = self._endpoint_arn(endpoint_type)
            if arn is not None:
                pending.append(f"{endpoint_type} endpoint")
                with contextlib.suppress(busy, gone):
                    self._client.delete_endpoint(EndpointArn=arn)
        instance = self._instance()
        if instance is not None:
            pending.append("replication instance")
            with contextlib.suppress(busy, gone):
                self._client.delete_replication_instance(ReplicationInstanceArn=instance["ReplicationInstanceArn"])
        if pending:
            raise RetirementPending(f"{', '.join(pending)} being deleted")
        with contextlib.suppress(gone):
            self._client.delete_replication_subnet_group(
                ReplicationSubnetGroupIdentifier=self._names.replication_subnet_group
            )

    def _subnet_group_exists(self) -> bool:
        try:
            answer = self._client.describe_replication_subnet_groups(
                Filters=[{"Name": "replication-subnet-group-id", "Values": [self._names.replication_subnet_group]}]
            )
        except self._client.exceptions.ResourceNotFoundFault:
            return False
        return bool(answer["ReplicationSubnetGroups"])

    def _instance(self) -> ReplicationInstanceTypeDef | None:
        try:
            answer = self._client.describe_replication_instances(
                Filters=[{"Name": "replication-instance-id", "Values": [self._names.replication_instance]}]
            )
        except self._client.exceptions.ResourceNotFoundFault:
            return None
        return next(iter(answer["ReplicationInstances"]), None)

    def _endpoint_arn(self, endpoint_type: str) -> str | None:
        name = self._names.source_endpoint if endpoint_type == "source" else self._names.target_endpoint
        try:
            answer = self._client.describe_endpoints(Filters=[{"Name": "endpoint-id", "Values": [name]}])
        except self._client.exceptions.ResourceNotFoundFault:
            return None
        return next((item["EndpointArn"] for item in answer["Endpoints"]), None)

    def _connections(self, instance_arn: str) -> list[Any]:
        try:
            answer = self._client.describe_connections(
                Filters=[{"Name": "replication-instance-arn", "Values": [instance_arn]}]
            )
        except self._client.exceptions.ResourceNotFoundFault:
            return []
        return list(answer["Connections"])


def _why(task: ReplicationTaskTypeDef) -> str:
    reasons = [task.get("StopReason", ""), task.get("LastFailureMessage", "")]
    return "".join(f" ({reason})" for reason in reasons if reason)
