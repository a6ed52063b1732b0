"""Starts the way back once the target is the writer. Never beside the forward task: rows would go round in circles."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from migration import reverse_slot
from migration.access import Session
from migration.dms import Dms
from migration.errors import ReplicationNotReady, StateDrifted
from migration.ledger import Ledger
from migration.names import Names
from migration.reverse_messages import Breakage

START_LIMIT_SECONDS = 1800.0


@dataclass(frozen=True)
class ReverseStart:
    """`forward` and `reverse` are DMS on these ways; `tell_broken` reaches on-call."""

    names: Names
    ledger: Ledger
    forward: Dms
    reverse: Dms
    tell_broken: Callable[[Breakage], None]

    def require_forward_stopped(self) -> None:
        """Stops the forward task. Raises ReplicationNotReady until it has really stopped."""
        if not self.forward.stop_task():
            raise ReplicationNotReady(f"replication task {self.names.replication_task} is being stopped")

    def start(self, target: Session) -> None:
        """The reverse task runs, from where its slot stands; when it cannot, on-call knows. Idempotent.

        Raises ReplicationNotReady until one of them is so.
        """
        remembered = self.ledger.read(self.names.plan.migration_id)
        if remembered.get("reverse", {}).get("state", "prepared") != "prepared":
            return
        self.require_forward_stopped()
        since = both_sides_equal_at(remembered)
        try:
            self._run(target)
        except StateDrifted as reason:
            self._give_up(str(reason), since, target)
        else:
            self._remember("running", since)

    def _run(self, target: Session) -> None:
        migration_id = self.names.plan.migration_id
        if self.reverse.is_ready():
            slot = reverse_slot.health(target, self.names.reverse_slot)
            if slot is None:
                raise StateDrifted(f"The replication slot {self.names.reverse_slot} on the target does not exist.")
            self.ledger.update(migration_id, {"reverse.startedAt": time.time()})
            self.reverse.start_task(slot.confirmed)
        if self.reverse.running_task()["Status"] != "running":
            began = self.ledger.read(migration_id)["reverse"].get("startedAt", time.time())
            if time.time() - began > START_LIMIT_SECONDS:
                raise StateDrifted(f"The replication task {self.names.reverse_task} does not finish starting.")
            raise ReplicationNotReady(f"replication task {self.names.reverse_task}: starting")

    def _give_up(self, reason: str, since: datetime, target: Session) -> None:
        slot, task = reverse_slot.health(target, self.names.reverse_slot), self.reverse.find_task()
        task_arn = task["ReplicationTaskArn"] if task else ""
        first_position = slot.confirmed if slot and task and task["Status"] == "ready" else ""
        is_final = slot is None or slot.is_lost or task is None
        breakage = Breakage(reason, since, slot.behind_bytes if slot else None, task_arn, first_position, is_final)
        if self._remember("broken", since, isFinal=is_final):
            self.tell_broken(breakage)

    def _remember(self, state: str, since: datetime, **beside: Any) -> bool:
        """True for the one run that changes the state."""
        reverse = {
            "state": state,
            "since": datetime.now(UTC).isoformat(timespec="seconds"),
            "lastArrival": since.isoformat(timespec="milliseconds"),
            "equalUntil": since.isoformat(timespec="milliseconds"),
            **beside,
        }
        changes = {f"reverse.{key}": value for key, value in reverse.items()}
        return self.ledger.update(self.names.plan.migration_id, changes, expect={"reverse.state": "prepared"})


def both_sides_equal_at(remembered: Mapping[str, Any]) -> datetime:
    """Just before the fence of the cut-over; what the target wrote later, the source does not have by itself."""
    fenced_at = remembered.get("fence", {}).get("at")
    if fenced_at:
        return datetime.fromtimestamp(float(fenced_at), UTC)
    return datetime.fromisoformat(remembered["cutOver"]["at"])
