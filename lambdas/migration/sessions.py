"""Sessions of the two databases of a migration, logged in with the secrets the plan names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.access import Address
from migration.database import Database
from migration.model import Source
from migration.secrets import Secrets


def source_address(source: Source) -> Address:
    """The application's database on the source instance."""
    return Address(source.host, source.port, source.settings.database_name)


def source_master(source: Source, statement_timeout_ms: int = 60_000) -> Database:
    """A session of the source's master user."""
    credentials = Secrets(clients.secretsmanager()).credentials(source.settings.master_secret_arn)
    return Database.connect(source_address(source), credentials, statement_timeout_ms=statement_timeout_ms)


def target_master(
    source: Source, target_ready: Mapping[str, Any], statement_timeout_ms: int = 60_000, *, writable: bool = True
) -> Database:
    """A session of the target's master user on its writer; `target_ready` is the result of AwaitTarget."""
    credentials = Secrets(clients.secretsmanager()).credentials(target_ready["masterSecretArn"])
    address = Address(target_ready["writerHost"], target_ready["port"], source.settings.database_name)
    return Database.connect(address, credentials, statement_timeout_ms=statement_timeout_ms, writable=writable)
