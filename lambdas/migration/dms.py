"""DMS: instance, endpoints and tasks of one migration. boto3's DMS waiters are wrong (AWS_RULES R3.5): we poll."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from migration.errors import ReplicationNotReady, StateDrifted
from migration.names import Names
from migration.replication_way import Way, forward

if TYPE_CHECKING:
    from types_boto3_dms import DatabaseMigrationServiceClient
    from types_boto3_dms.type_defs import ReplicationInstanceTypeDef, ReplicationTaskTypeDef, TableStatisticsTypeDef

ALLOCATED_STORAGE_GIB = 100
STARTED = frozenset({"starting", "running"})
UNFINISHED_TASK_STATES = frozenset({"creating", "modifying", "testing"})
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
    """Adapter around one DMS client, for one way of a migration: the forward one unless another is given.

    Making what exists already is done.
    """

    def __init__(self, client: DatabaseMigrationServiceClient, names: Names, way: Way | None = None) -> None:
        self._client = client
        self._names = names
        self._way = way or forward(names)
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
                EndpointIdentifier=self._endpoint_name(endpoint_type),
                EndpointType="source" if is_source else "target",
                EngineName=self._way.source_engine if is_source else self._way.target_engine,
                DatabaseName=settings["DatabaseName"],
                SslMode="require",
                PostgreSQLSettings={key: value for key, value in settings.items() if key != "DatabaseName"},  # type: ignore[arg-type]
                Tags=self._tags,
            )
        arn = self._endpoint_arn(endpoint_type)
        if arn is None:
            raise ReplicationNotReady(f"the endpoint {self._endpoint_name(endpoint_type)} is not visible yet")
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
        """A task of the way's migration type, not started."""
        with contextlib.suppress(self._client.exceptions.ResourceAlreadyExistsFault):
            self._client.create_replication_task(
                ReplicationTaskIdentifier=self._way.task,
                SourceEndpointArn=source_arn,
                TargetEndpointArn=target_arn,
                ReplicationInstanceArn=instance_arn,
                MigrationType=self._way.migration_type,  # type: ignore[arg-type]
                TableMappings=mappings,
                ReplicationTaskSettings=settings,
                Tags=self._tags,
            )

    def start_task(self, position: str = "") -> Replication:
        """Starts the task, at a position of the slot if one is given.

        Raises ReplicationNotReady while it is made, StateDrifted if it failed or DMS refuses to start it.
        """
        if self.is_ready():
            self._start({"CdcStartPosition": position} if position else {})
        return self.replication(self.running_task())

    def _start(self, options: dict[str, Any]) -> None:
        refusals = self._client.exceptions.InvalidResourceStateFault, self._client.exceptions.AccessDeniedFault
        try:
            self._client.start_replication_task(
                ReplicationTaskArn=self.task()["ReplicationTaskArn"],
                StartReplicationTaskType="start-replication",
                **options,
            )
        except refusals as error:
            if self.task()["Status"] not in STARTED:  # an earlier call, whose answer was lost, started it
                raise StateDrifted(f"DMS does not start the replication task {self._way.task}: {error}") from error

    def replication(self, task: ReplicationTaskTypeDef) -> Replication:
        """Names of the running task."""
        arn = task["ReplicationTaskArn"]
        return Replication(arn, arn.rsplit(":", 1)[-1], self._names.replication_instance)

    def find_task(self) -> ReplicationTaskTypeDef | None:
        """The task as DMS describes it, None when there is none."""
        try:
            answer = self._client.describe_replication_tasks(
                Filters=[{"Name": "replication-task-id", "Values": [self._way.task]}], WithoutSettings=True
            )
        except self._client.exceptions.ResourceNotFoundFault:
            return None
        return next(iter(answer["ReplicationTasks"]), None)

    def task(self) -> ReplicationTaskTypeDef:
        """Like `find_task`. Raises StateDrifted when there is none."""
        found = self.find_task()
        if found is None:
            raise StateDrifted(f"The replication task {self._way.task} does not exist.")
        return found

    def is_ready(self) -> bool:
        """Whether the task is made and was never started. Raises ReplicationNotReady while it is being made."""
        status = self.task()["Status"]
        if status in UNFINISHED_TASK_STATES:
            raise ReplicationNotReady(f"replication task {self._way.task}: {status}")
        return status == "ready"

    def require_ready(self) -> Replication:
        """Raises ReplicationNotReady while the task is made, StateDrifted when it is not as it was made."""
        if not self.is_ready():
            raise StateDrifted(f"The replication task {self._way.task} was started by somebody else.")
        return self.replication(self.task())

    def running_task(self) -> ReplicationTaskTypeDef:
        """The task while it works. Raises StateDrifted when it stopped or failed, with DMS's reason."""
        task = self.task()
        if task["Status"] not in STARTED:
            raise StateDrifted(f"The replication task {self._way.task} is {task['Status']}{why_stopped(task)}.")
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

    def delete_task(self) -> list[str]:
        """Stops and deletes the task; what is still under way, [] when it is gone."""
        task = self.find_task()
        if task is None:
            return []
        if self.stop_task():
            with self._unless_busy_or_gone():
                self._client.delete_replication_task(ReplicationTaskArn=task["ReplicationTaskArn"])
        return [f"replication task {self._way.task}"]

    def delete_endpoints(self) -> list[str]:
        """Deletes both endpoints; the tasks that use them must be gone. What is still under way, [] when they are."""
        pending: list[str] = []
        for endpoint_type in ("source", "target"):
            arn = self._endpoint_arn(endpoint_type)
            if arn is not None:
                pending.append(f"endpoint {self._endpoint_name(endpoint_type)}")
                with self._unless_busy_or_gone():
                    self._client.delete_endpoint(EndpointArn=arn)
        return pending

    def delete_instance(self) -> list[str]:
        """Deletes the instance and its subnet group; no task may be left. Like `delete_endpoints`."""
        instance = self._instance()
        if instance is not None:
            with self._unless_busy_or_gone():
                self._client.delete_replication_instance(ReplicationInstanceArn=instance["ReplicationInstanceArn"])
            return [f"replication instance {self._names.replication_instance}"]
        with contextlib.suppress(self._client.exceptions.ResourceNotFoundFault):
            self._client.delete_replication_subnet_group(
                ReplicationSubnetGroupIdentifier=self._names.replication_subnet_group
            )
        return []

    def _unless_busy_or_gone(self) -> contextlib.suppress:
        known = self._client.exceptions
        return contextlib.suppress(known.ResourceNotFoundFault, known.InvalidResourceStateFault)

    def _endpoint_name(self, endpoint_type: str) -> str:
        return self._way.source_endpoint if endpoint_type == "source" else self._way.target_endpoint

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
        named = [{"Name": "endpoint-id", "Values": [self._endpoint_name(endpoint_type)]}]
        try:
            answer = self._client.describe_endpoints(Filters=named)  # type: ignore[arg-type]
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


def why_stopped(task: ReplicationTaskTypeDef) -> str:
    """DMS's reasons in brackets, with a blank before each; "" when it gives none."""
    reasons = [task.get("StopReason", ""), task.get("LastFailureMessage", "")]
    return "".join(f" ({reason})" for reason in reasons if reason)
