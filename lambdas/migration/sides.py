"""Sessions on the two databases of one migration, by the roles a task needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migration import clients
from migration.access import Address, Credentials
from migration.aurora import TargetEndpoints
from migration.database import Database
from migration.errors import StateDrifted
from migration.model import MigrationPlan, from_json
from migration.secrets import Secrets
from migration.weights import Side

Connect = Callable[..., Database]


@dataclass(frozen=True)
class Sides:
    """Opens sessions; every call opens a new one, to be used as a context manager or closed.

    Options are those of `Database.connect`. Raises Throttled when a server cannot be reached, DatabaseRefused when it
    says no.
    """

    plan: MigrationPlan
    endpoints: TargetEndpoints | None
    secrets: Secrets
    connect: Connect = Database.connect

    def source_admin(self, **options: Any) -> Database:
        """The source as its master user."""
        return self.connect(self.source_address, self._source_master, **options)

    def target_admin(self, **options: Any) -> Database:
        """The cluster's writer as its master user."""
        return self.connect(self.target_address, self._target_master, **options)

    def target_reader(self, **options: Any) -> Database:
        """The cluster's reader endpoint as the application."""
        return self.connect(self._target_address(self.target.reader_host), self._application, **options)

    def reader_admin(self, **options: Any) -> Database:
        """The cluster's reader endpoint as its master user, read-only."""
        return self.connect(
            self._target_address(self.target.reader_host), self._target_master, writable=False, **options
        )

    def admin(self, side: Side, **options: Any) -> Database:
        """The writer of a side as its master user."""
        return self.target_admin(**options) if side is Side.TARGET else self.source_admin(**options)

    def application(self, side: Side, **options: Any) -> Database:
        """The writer of a side as the application."""
        return self.connect(self.address(side), self._application, **options)

    def address(self, side: Side) -> Address:
        """The writer of a side."""
        return self.target_address if side is Side.TARGET else self.source_address

    @property
    def target(self) -> TargetEndpoints:
        """Raises StateDrifted before AwaitTarget has been through."""
        if self.endpoints is None:
            raise StateDrifted("The target of this migration has not been made yet.")
        return self.endpoints

    def read_secrets(self) -> None:
        """Reads all secrets now, so that no later session waits for Secrets Manager."""
        _ = self._source_master, self._target_master, self._application

    @property
    def source_address(self) -> Address:
        """The instance's own endpoint, never its alias."""
        source = self.plan.source
        return Address(source.host, source.port, source.settings.database_name)

    @property
    def target_address(self) -> Address:
        """The cluster's writer endpoint, never an alias."""
        return self._target_address(self.target.writer_host)

    def _target_address(self, host: str) -> Address:
        return Address(host, self.target.port, self.plan.source.settings.database_name)

    @cached_property
    def _source_master(self) -> Credentials:
        return self.secrets.credentials(self.plan.source.settings.master_secret_arn)

    @cached_property
    def _target_master(self) -> Credentials:
        return self.secrets.credentials(self.target.master_secret_arn)

    @cached_property
    def _application(self) -> Credentials:
        return self.secrets.credentials(self.plan.source.settings.application_secret_arn)


def sides_of(plan: MigrationPlan, state: Mapping[str, Any]) -> Sides:
    """Sides of a migration; the target's once the state holds the result of AwaitTarget."""
    endpoints = from_json(TargetEndpoints, state["targetReady"]) if "targetReady" in state else None
    return Sides(plan, endpoints, Secrets(clients.secretsmanager()))
