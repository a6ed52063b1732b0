"""After the cut-over: the slow work that the stall had no time for, and the period until the migration completes.

Ledger: `bake` = `{"taskToken", "endsAt", "ending"?}`; who ends it is decided in bake_ending.py.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from migration import fence, forward_slots, identities, reverse_watch, source_preparation, target_preparation
from migration.access import Session
from migration.bake_ending import COMPLETION, ROLL_BACK, ending_of, extended, schedule_name
from migration.errors import AbortRequested, FlipIncomplete, ReplicationNotReady, RollBackRequested, Throttled
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.names import Names
from migration.reverse_start import ReverseStart
from migration.roll_back import is_under_way
from migration.route53 import DnsRecords
from migration.scheduler import Schedules
from migration.short_locks import with_short_locks
from migration.sides import Sides
from migration.weights import Side


def require_current(ledger: Ledger, migration_id: str, execution_arn: str) -> None:
    """Raises AbortRequested when another execution has taken the migration over: a redriven one must not bake."""
    _require_driver(ledger.read(migration_id), migration_id, execution_arn)


def _require_driver(remembered: Mapping[str, Any], migration_id: str, execution_arn: str) -> None:
    driver = remembered.get("takenOverBy", execution_arn)
    if driver != execution_arn:
        raise AbortRequested(f"The migration {migration_id} was taken over by {driver}.")


@dataclass(frozen=True)
class Settling:
    """What the stall left to do."""

    plan: MigrationPlan
    sides: Sides
    records: DnsRecords
    ledger: Ledger
    reverse: ReverseStart
    dns_change: str | None
    """Of the cut-over's flip; None when that was made by a run that died."""

    def settle(self) -> None:
        """The writer's record is published, nobody is on the source, no guard is left, and the way back runs.

        Raises FlipIncomplete when the application still has sessions on the source, ReplicationNotReady until the
        forward task has stopped and the reverse task runs. Idempotent.
        """
        flip = self.records.flip_writer
        self.records.wait_insync(flip(Side.TARGET) or self.dns_change or flip(Side.TARGET, again=True))
        with self.sides.source_admin() as source, self.sides.target_admin() as target:
            sessions = fence.application_sessions(source, self.plan.source.application_roles)
            if sessions:
                raise FlipIncomplete(f"The application has {sessions} sessions on the fenced source.")
            # Remembered before the first is changed: afterwards nobody could tell which they were.
            columns = self._identities(source)
            with_short_locks(target, lambda: _open_tables(target, columns))
            slots = forward_slots.remember(self.ledger, Names(self.plan), source, self.reverse.forward)
            self.reverse.require_forward_stopped()
            _drop_slots(source, slots)
            identities.relax(source, columns)
            self.reverse.start(target)

    def _identities(self, source: Session) -> list[list[str]]:
        remembered = self.ledger.read(self.plan.migration_id).get("reverse", {})
        if "identities" not in remembered:
            found = identities.always_generated(source)
            self.ledger.update(self.plan.migration_id, {"reverse.identities": found})
            return found
        return [list(column) for column in remembered["identities"]]


def _drop_slots(source: Session, slots: list[str]) -> None:
    """The source takes writes from the reverse task: a slot that nobody reads would keep all of its log."""
    kept = source_preparation.drop_slots(source, slots)
    if kept:
        raise ReplicationNotReady(f"replication slots on the source are still being read: {', '.join(kept)}")


def _open_tables(target: Session, columns: list[list[str]]) -> None:
    target_preparation.remove_guards(target)
    identities.restore(target, columns)


@dataclass(frozen=True)
class BakePeriod:
    """`finish_arn` and `watch_arn` are the functions that the schedules of the period invoke."""

    plan: MigrationPlan
    execution_arn: str
    ledger: Ledger
    schedules: Schedules
    finish_arn: str
    watch_arn: str

    def begin(self, task_token: str, now: datetime) -> dict[str, Any]:
        """Keeps the token; what is remembered of the bake afterwards. Entered again, the period ends when it was to.

        A decision for completion stands. One for a roll back that was undone does not, and leaves a day to try again;
        one that nobody has followed yet, since nobody waited, is followed now: RollBackRequested. Without days of bake
        the end is Scheduler's soonest, the next minute. Raises AbortRequested when another execution has taken over.
        """
        remembered = self.ledger.read(self.plan.migration_id)
        _require_driver(remembered, self.plan.migration_id, self.execution_arn)
        before = remembered.get("bake", {})
        latest = now + max(timedelta(days=self.plan.options.bake_days), timedelta(minutes=1))
        bake = {"endsAt": latest.isoformat(timespec="seconds"), **before, "taskToken": task_token}
        ending = ending_of(remembered)
        bake.pop("ending", None)
        if ending == ROLL_BACK:
            if is_under_way(remembered):
                asked = remembered["rollBack"]
                raise RollBackRequested(f"{asked['by']} asked to go back to the source: {asked['reason']}")
            bake["endsAt"] = extended(bake["endsAt"], now)
        if ending == COMPLETION or datetime.fromisoformat(bake["endsAt"]) <= now:
            bake["ending"] = COMPLETION
        expected = {"bake.taskToken": before["taskToken"], "bake.ending": ending} if before else {"bake": None}
        taken = {"takenOverBy": remembered.get("takenOverBy")}
        if not self.ledger.update(self.plan.migration_id, {"bake": bake}, expect=expected | taken):
            raise Throttled("the ledger's bake changed while it was read")
        return bake

    def make_schedules(self, ends_at: datetime, now: datetime) -> None:
        """One at the end of the period, which may have moved, one every minute for the way back."""
        migration_id = self.plan.migration_id
        self.schedules.delete(schedule_name(migration_id))
        self.schedules.once(schedule_name(migration_id), ends_at, self.finish_arn, {"migrationId": migration_id})
        name, payload = reverse_watch.schedule_name(migration_id), reverse_watch.schedule_payload(migration_id)
        self.schedules.every(name, reverse_watch.INTERVAL_MINUTES, now, self.watch_arn, payload)
