"""Retires replication: both directions, everything they used, and what they needed on the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migration import bake_ending, forward_slots, identities, reverse_slot, reverse_watch, source_preparation
from migration.dms import Dms
from migration.errors import DatabaseRefused, RetirementPending, StateDrifted, Throttled
from migration.ledger import Ledger
from migration.names import Names
from migration.scheduler import Schedules
from migration.secrets import Secrets
from migration.short_locks import with_short_locks
from migration.sides import Sides

LOCK_ATTEMPTS = 20


@dataclass(frozen=True)
class ReplicationRetirement:
    """`ways` are DMS on every way, forward last. A target that is kept must be reachable, another one need not."""

    sides: Sides
    ledger: Ledger
    schedules: Schedules
    secrets: Secrets
    ways: Sequence[Dms]
    is_target_kept: bool

    def run(self) -> list[str]:
        """Tasks, endpoints, instance, slots on both sides, secrets and the schedules are gone; the slots on the source.

        Identities on the source are as they were found. Raises RetirementPending with the progress. Idempotent.
        """
        names = Names(self.sides.plan)
        self._end_watch()
        with self.sides.source_admin() as source:
            slots = forward_slots.remember(self.ledger, names, source, self.ways[-1])
        _require_gone([item for way in self.ways for item in way.delete_task()])
        self._tidy_source(slots)
        self._tidy_target(names.reverse_slot)
        _require_gone([item for way in self.ways for item in way.delete_endpoints()])
        _require_gone(self.ways[0].delete_instance())
        for secret in (names.source_secret, names.target_secret):
            self.secrets.delete(secret)
        return slots

    def _end_watch(self) -> None:
        """First of all: a task that we stop is not a way back that broke."""
        migration_id = self.sides.plan.migration_id
        if "reverse" in self.ledger.read(migration_id):
            self.ledger.update(migration_id, {"reverse.state": "retired"})
        for schedule in (reverse_watch.schedule_name(migration_id), bake_ending.schedule_name(migration_id)):
            self.schedules.delete(schedule)  # the end of a bake that was left by the way back is nobody's any more

    def _tidy_source(self, slots: Sequence[str]) -> None:
        columns = self.ledger.read(self.sides.plan.migration_id).get("reverse", {}).get("identities", [])
        with self.sides.source_admin() as source:
            kept = source_preparation.drop_slots(source, slots)
            if kept:
                raise RetirementPending(f"replication slots on the source are still being read: {', '.join(kept)}")
            try:
                with_short_locks(source, lambda: identities.restore(source, columns), attempts=LOCK_ATTEMPTS)
            except Throttled as error:
                raise RetirementPending(f"identity columns of the source wait for their tables: {error}") from error

    def _tidy_target(self, slot: str) -> None:
        if self.sides.endpoints is None:
            return
        try:
            with self.sides.target_admin() as target:
                reverse_slot.drop(target, slot)
        except (Throttled, DatabaseRefused, StateDrifted):
            if self.is_target_kept:
                raise


def _require_gone(pending: Sequence[str]) -> None:
    if pending:
        raise RetirementPending(f"{', '.join(pending)} being deleted")
