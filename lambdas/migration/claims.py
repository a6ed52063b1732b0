"""One live migration per source."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from migration.context import OVER
from migration.errors import MigrationBlocked
from migration.ledger import Claim
from migration.messages import operation_command


class Claims(Protocol):
    """What is needed of the ledger."""

    def holder(self, source: str) -> Claim | None:
        """Who has the source."""

    def claim(self, source: str, wanted: Claim, *, instead_of: Claim | None = None) -> Claim:
        """Claims it if it is free, ours, or held by `instead_of`; who holds it afterwards."""

    def read(self, migration_id: str) -> dict[str, Any]:
        """What is remembered of a migration."""


def require_free(ledger: Claims, source: str, execution_arn: str, is_running: Callable[[str], bool]) -> Claim | None:
    """The claim of a dead execution that may be taken over, None when there is none.

    Raises MigrationBlocked when another live execution has the source, or a dead one left it half migrated.
    """
    holder = ledger.holder(source)
    if holder is None or holder.execution_arn == execution_arn:
        return None
    if is_running(holder.execution_arn):
        raise MigrationBlocked(
            f"The source {source} is being migrated already by {holder.execution_arn}:"
            " wait for its end, or stop it and let it roll back."
        )
    _require_clean(ledger.read(holder.migration_id), source, holder)
    return holder


def _require_clean(remembered: dict[str, Any], source: str, dead: Claim) -> None:
    """A migration that has begun to change something must be undone before another one looks at the source."""
    if "preparation" in remembered and remembered.get("stage") not in OVER:
        region = dead.execution_arn.split(":")[3]
        raise MigrationBlocked(
            f"The source {source} still belongs to the migration {dead.migration_id}, whose execution ended before it"
            " was undone; abort it, then start again when it is rolled back:"
            f" {operation_command('crossfade-abort', dead.migration_id, region)}"
        )


def take_claim(ledger: Claims, source: str, wanted: Claim, is_running: Callable[[str], bool]) -> Claim:
    """Claims the source for an execution; repeating it finds its own claim. Raises MigrationBlocked as above."""
    dead = require_free(ledger, source, wanted.execution_arn, is_running)
    holder = ledger.claim(source, wanted, instead_of=dead)
    if holder.execution_arn != wanted.execution_arn:
        raise MigrationBlocked(
            f"The source {source} has just been claimed by {holder.execution_arn}: wait for its end."
        )
    return holder


def follow_claim(ledger: Claims, source: str, wanted: Claim, is_running: Callable[[str], bool]) -> None:
    """Another execution goes on with the same migration: it takes the claim from the dead one, or a source left free.

    Atomic: no new migration slips in between. Raises MigrationBlocked when a living execution drives the migration, or
    another migration has the source.
    """
    holder = ledger.holder(source) or wanted
    if holder.execution_arn != wanted.execution_arn:
        if holder.migration_id != wanted.migration_id:
            raise MigrationBlocked(
                f"The source {source} belongs to {holder.migration_id}, not to {wanted.migration_id}."
            )
        if is_running(holder.execution_arn):
            raise MigrationBlocked(f"The migration {wanted.migration_id} is driven by {holder.execution_arn} already.")
    now_holding = ledger.claim(source, wanted, instead_of=holder)
    if now_holding.execution_arn != wanted.execution_arn:
        raise MigrationBlocked(f"The source {source} has just been claimed by {now_holding.execution_arn}.")
