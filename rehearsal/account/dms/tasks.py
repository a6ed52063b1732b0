"""The replication tasks of the account: what may be created, found, changed and deleted."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from rehearsal.account.dms import names, notices
from rehearsal.account.dms.connections import Connections
from rehearsal.account.dms.database import Database
from rehearsal.account.dms.endpoints import Endpoints
from rehearsal.account.dms.faults import (
    access_denied,
    already_exists,
    invalid_combination,
    invalid_value,
    not_found,
    require_identifier,
    wrong_state,
)
from rehearsal.account.dms.instances import Instances
from rehearsal.account.dms.listing import page, select
from rehearsal.account.dms.mappings import parse_mappings
from rehearsal.account.dms.ports import AdminConnect, Platform
from rehearsal.account.dms.replication import Replication
from rehearsal.account.dms.settings import parse_settings
from rehearsal.account.dms.task import Task

_LSN = re.compile(r"[0-9A-F]{1,8}/[0-9A-F]{1,8}\Z")


class Tasks:
    """Replication tasks by ARN."""

    def __init__(
        self,
        platform: Platform,
        admin: AdminConnect,
        tags: names.Tags,
        reports: notices.Notices,
        instances: Instances,
        endpoints: Endpoints,
        connections: Connections,
    ) -> None:
        self._platform, self._admin, self._tags, self._notices = platform, admin, tags, reports
        self._instances, self._endpoints, self._connections = instances, endpoints, connections
        self.by_arn: dict[str, Task] = {}

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        identifier = request["ReplicationTaskIdentifier"].lower()
        require_identifier("ReplicationTaskIdentifier", identifier, 255)
        self._refuse_duplicate(identifier)
        instance = self._instances.available(request["ReplicationInstanceArn"])
        source, target = self._side(request, "source"), self._side(request, "target")
        self._check(request, source.endpoint, instance["ReplicationInstanceIdentifier"])
        resource_id = names.new_resource_id(request)
        arn = names.arn(self._platform, "task", resource_id)
        self._tags.register(arn, request)
        complete = {**request, "ReplicationTaskIdentifier": identifier, "ReplicationTaskArn": arn}
        engine = Replication(resource_id.lower().replace("-", "_"), source, target, complete)
        name = instance["ReplicationInstanceIdentifier"]
        self.by_arn[arn] = Task(self._platform, self._notices, complete, engine, name)
        return {"ReplicationTask": self.by_arn[arn].describe()}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        by: dict[str, Callable[[Task], list[str]]] = {
            "replication-task-arn": lambda task: [task.arn],
            "replication-task-id": lambda task: [task.identifier],
            "migration-type": lambda task: [task.request["MigrationType"]],
            "endpoint-arn": lambda task: [task.request["SourceEndpointArn"], task.request["TargetEndpointArn"]],
            "replication-instance-arn": lambda task: [task.request["ReplicationInstanceArn"]],
        }
        chosen, marker = page(select(list(self.by_arn.values()), request, "Tasks", by), request)
        shown = [_shown(task, without_settings=request.get("WithoutSettings", False)) for task in chosen]
        return {"ReplicationTasks": shown, **marker}

    def modify(self, request: dict[str, Any]) -> dict[str, Any]:
        task = self.get(request["ReplicationTaskArn"])
        identifier = request.get("ReplicationTaskIdentifier", task.identifier).lower()
        if identifier != task.identifier:
            require_identifier("ReplicationTaskIdentifier", identifier, 255)
            self._refuse_duplicate(identifier)
        task.modify({**request, "ReplicationTaskIdentifier": identifier})
        return {"ReplicationTask": task.describe()}

    def start(self, request: dict[str, Any]) -> dict[str, Any]:
        task = self.get(request["ReplicationTaskArn"])
        source = self._endpoints.get(task.request["SourceEndpointArn"])
        if request.get("CdcStartTime") or request.get("CdcStartPosition"):
            _check_start({**task.request, **request}, source)
        instance = self._instances.available(task.request["ReplicationInstanceArn"])["ReplicationInstanceArn"]
        for key in ("SourceEndpointArn", "TargetEndpointArn"):
            self._connections.require_tested(instance, task.request[key])
        task.start(request["StartReplicationTaskType"], request.get("CdcStartPosition"))
        return {"ReplicationTask": task.describe()}

    def stop(self, request: dict[str, Any]) -> dict[str, Any]:
        task = self.get(request["ReplicationTaskArn"])
        task.stop()
        return {"ReplicationTask": task.describe()}

    def delete(self, request: dict[str, Any]) -> dict[str, Any]:
        task = self.get(request["ReplicationTaskArn"])
        task.delete(lambda: self._forget(task.arn))
        return {"ReplicationTask": task.describe()}

    def table_statistics(self, request: dict[str, Any]) -> dict[str, Any]:
        """DescribeTableStatistics; up to 500 tables a page."""
        by: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "schema-name": lambda item: [item["SchemaName"]],
            "table-name": lambda item: [item["TableName"]],
            "table-state": lambda item: [item["TableState"]],
        }
        rows = self.get(request["ReplicationTaskArn"]).tables
        filters = request.get("Filters")
        chosen = select(rows, request, "Table Statistics", by) if filters else rows
        shown, marker = page(chosen, request, max_records=500)
        return {"ReplicationTaskArn": request["ReplicationTaskArn"], "TableStatistics": shown, **marker}

    def get(self, arn: str) -> Task:
        if arn not in self.by_arn:
            raise not_found(f"Replication Task not found: {arn}")
        return self.by_arn[arn]

    def uses(self, arn: str) -> bool:
        """Whether a task needs the endpoint or replication instance."""
        keys = ("SourceEndpointArn", "TargetEndpointArn", "ReplicationInstanceArn")
        return any(arn == task.request[key] for task in self.by_arn.values() for key in keys)

    def _forget(self, arn: str) -> None:
        self.by_arn.pop(arn, None)
        self._tags.forget(arn)

    def _refuse_duplicate(self, identifier: str) -> None:
        if any(task.identifier == identifier for task in self.by_arn.values()):
            raise already_exists(f"Replication Task already exists: {identifier}")

    def _side(self, request: dict[str, Any], kind: str) -> Database:
        arn = request[f"{kind.title()}EndpointArn"]
        endpoint = self._endpoints.get(arn)
        if endpoint["EndpointType"].lower() != kind:
            raise invalid_combination(f"Endpoint {arn} is not a {kind} endpoint")
        if endpoint["Status"] != "active":
            raise wrong_state(f"Endpoint {arn} is not active")
        return Database(self._platform, self._admin, endpoint)

    def _check(self, request: dict[str, Any], source: dict[str, Any], instance: str) -> None:
        parse_mappings(request["TableMappings"])
        settings = parse_settings(request.get("ReplicationTaskSettings"))
        _check_start(request, source)
        if settings.logging:
            self._require_log_role(instance)

    def _require_log_role(self, instance: str) -> None:
        region, account = self._platform.REGION, self._platform.ACCOUNT_ID
        role = f"arn:aws:iam::{account}:role/dms-cloudwatch-logs-role"
        group = f"arn:aws:logs:{region}:{account}:log-group:dms-tasks-{instance}"
        if not self._platform.role_allows(role, "logs:CreateLogGroup", group, "dms.amazonaws.com"):
            raise access_denied(f"The IAM Role {role} is not configured properly.")


def _check_start(request: dict[str, Any], source: dict[str, Any]) -> None:
    """Where change capture may start (AWS_RULES R2.3). Raises InvalidParameter… faults."""
    position = request.get("CdcStartPosition")
    if position and request.get("CdcStartTime"):
        raise invalid_combination("CdcStartTime and CdcStartPosition cannot be given together")
    if (position or request.get("CdcStartTime")) and request["MigrationType"] == "full-load":
        raise invalid_combination("CdcStartTime and CdcStartPosition are not valid for migration type full-load")
    if request.get("CdcStartTime"):
        raise invalid_combination(f"CdcStartTime is not supported by a source of engine {source['EngineName']}")
    if position and not _LSN.match(position):
        raise invalid_value(f"CdcStartPosition must be a log sequence number such as 4AF/B00000D0, not {position!r}")
    if position and not source.get("PostgreSQLSettings", {}).get("SlotName"):
        raise invalid_combination(
            "CdcStartPosition needs an existing replication slot: set SlotName on the source endpoint"
        )


def _shown(task: Task, *, without_settings: bool) -> dict[str, Any]:
    description = task.describe()
    if without_settings:
        description.pop("ReplicationTaskSettings", None)
    return description
