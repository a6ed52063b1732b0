"""Prepares the way back, long before it is needed, and proves it with a canary.

Every step finds what an earlier run has done; what DMS still works on is waited for by ReplicationNotReady.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migration import canary, replication_inputs, reverse_slot, source_preparation, task_settings
from migration.dms import Dms
from migration.errors import ReplicationNotReady, RetirementPending
from migration.ledger import Ledger
from migration.names import Names
from migration.secrets import Secrets
from migration.sides import Sides


@dataclass(frozen=True)
class ReversePreparation:
    """`reverse` and `canary` are DMS on the ways of these names; `secrets_role_arn` is what DMS reads secrets with."""

    sides: Sides
    ledger: Ledger
    secrets: Secrets
    reverse: Dms
    canary: Dms
    secrets_role_arn: str

    @property
    def _names(self) -> Names:
        return Names(self.sides.plan)

    def run(self) -> dict[str, Any]:
        """Result `{"canarySeconds", "taskArn", "taskResourceId"}`; the reverse task is made and not started.

        Raises ReplicationNotReady and RetirementPending with the progress, StateDrifted when the way does not work.
        """
        with self.sides.source_admin() as source:
            source_preparation.allow_reverse_writes(source, self._names.replication_role)
        endpoints = [self.reverse.create_endpoint(*endpoint) for endpoint in self._endpoints()]
        instance_arn = self.reverse.available_instance_arn()
        self.reverse.require_connections(instance_arn, endpoints)
        seconds = self._remembered().get("canarySeconds")
        if seconds is None:
            seconds = self._fly_canary(instance_arn, endpoints)
        self._retire_canary()
        mappings = replication_inputs.mappings(self.sides)
        self.reverse.create_task(instance_arn, endpoints[0], endpoints[1], mappings, self._task_settings())
        task = self.reverse.require_ready()
        self.ledger.update(self.sides.plan.migration_id, {"reverse.state": "prepared"}, expect={"reverse.state": None})
        return {"canarySeconds": seconds, "taskArn": task.task_arn, "taskResourceId": task.task_resource_id}

    def _endpoints(self) -> list[tuple[str, dict[str, Any]]]:
        database, role_arn = self.sides.plan.source.settings.database_name, self.secrets_role_arn
        source_arn, target_arn = replication_inputs.secret_arns(self.sides, self.secrets)
        slot = self._names.reverse_slot
        return [
            ("source", task_settings.reverse_source_endpoint_settings(target_arn, role_arn, database, slot)),
            ("target", task_settings.target_endpoint_settings(source_arn, role_arn, database)),
        ]

    def _fly_canary(self, instance_arn: str, endpoints: list[str]) -> float:
        """Starts the canary's task from a slot that is younger than it, and measures the trip."""
        mappings = task_settings.canary_mappings()
        self.canary.create_task(instance_arn, endpoints[0], endpoints[1], mappings, self._task_settings())
        with self.sides.source_admin() as source, self.sides.target_admin() as target:
            if self.canary.is_ready():
                self.canary.start_task(reverse_slot.make(target, self._names.reverse_slot))
            if self.canary.running_task()["Status"] != "running":
                raise ReplicationNotReady(f"replication task {self._names.canary_task}: starting")
            seconds = round(canary.fly(source, target), 3)
        self.ledger.update(
            self.sides.plan.migration_id, {"reverse": {"canarySeconds": seconds}}, expect={"reverse": None}
        )
        return seconds

    def _retire_canary(self) -> None:
        pending = self.canary.delete_task()
        if pending:
            raise RetirementPending(f"the canary is home; being deleted: {', '.join(pending)}")
        if "state" in self._remembered():
            return  # the slot of this name may be the reverse task's by now
        with self.sides.source_admin() as source, self.sides.target_admin() as target:
            reverse_slot.drop(target, self._names.reverse_slot)
            canary.clear(source, target)

    def _task_settings(self) -> str:
        return task_settings.task_settings(self.ledger.read(self.sides.plan.migration_id)["lobMaxKib"])

    def _remembered(self) -> dict[str, Any]:
        return dict(self.ledger.read(self.sides.plan.migration_id).get("reverse", {}))
