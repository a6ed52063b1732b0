"""Watches the way back during the bake: does DMS work, and does a marker written on the target reach the source.

Ledger: `reverse` = `{"state", "since", "identities", "lastArrival", "equalUntil", "isFinal"?}`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration import reverse_decision, reverse_slot
from migration.access import Session
from migration.bake_ending import COMPLETION, ending_of
from migration.dms import Dms, why_stopped
from migration.errors import CrossfadeError
from migration.ledger import Ledger
from migration.messages import Message, Subject
from migration.metrics import Metrics
from migration.names import Names
from migration.reverse_decision import Action, Look
from migration.reverse_messages import Breakage, way_back_broken, way_back_recovered
from migration.scheduler import SCHEDULED_TIME
from migration.sides import Sides

INTERVAL_MINUTES = 1
PREFIX = "reverse/"
PATIENCE_SECONDS = 10.0
POLL_SECONDS = 0.1


def schedule_name(migration_id: str) -> str:
    """The schedule of the bake that fires every minute."""
    return f"crossfade-reverse-{migration_id}"


def schedule_payload(migration_id: str) -> dict[str, str]:
    """What each firing brings: `{"migrationId", "scheduledTime"}`."""
    return {"migrationId": migration_id, "scheduledTime": SCHEDULED_TIME}


def is_wanted(remembered: Mapping[str, Any]) -> bool:
    """Whether there is a way back to watch: the target is in its bake and replication is not retired."""
    watched = remembered.get("reverse", {}).get("state") in ("running", "broken")
    return watched and "bake" in remembered and ending_of(remembered) != COMPLETION


@dataclass(frozen=True)
class ReverseWatch:
    """One firing's look. `send` reaches on-call."""

    about: Subject
    names: Names
    sides: Sides
    ledger: Ledger
    reverse: Dms
    metrics: Metrics
    send: Callable[[Message], None]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def run(self, remembered: Mapping[str, Any], firing: str, now: datetime) -> dict[str, Any]:
        """Result `{"action", "lagSeconds", "reason"}`; on-call is told once of every change."""
        known = remembered["reverse"]
        look = self._look(known, PREFIX + firing)
        self.metrics.put_reverse_lag(self.about.source, look.seconds_behind, now)
        was_final = known.get("isFinal", False)
        action, reason = reverse_decision.decide(known["state"], look, was_final=was_final)
        changes: dict[str, Any] = {
            "reverse.lastArrival": look.arrived.isoformat(),
            "reverse.equalUntil": look.equal_until.isoformat(),
        }
        if action is not Action.NONE:
            state = "broken" if action is Action.BROKEN else "running"
            changes |= {"reverse.state": state, "reverse.since": now.isoformat(timespec="seconds")}
            changes["reverse.isFinal"] = was_final or look.is_final
        # Retired meanwhile, or another firing was first: then this one has nothing to say.
        if self.ledger.update(self.names.plan.migration_id, changes, expect={"reverse.state": known["state"]}):
            self._tell(action, reason, look)
        return {"action": action.value, "lagSeconds": round(look.seconds_behind, 3), "reason": reason}

    def _tell(self, action: Action, reason: str, look: Look) -> None:
        if action is Action.BROKEN:
            breakage = Breakage(reason, look.equal_until, look.log_bytes, look.task_arn, is_final=look.is_final)
            self.send(way_back_broken(self.about, breakage))
        elif action is Action.RECOVERED:
            self.send(way_back_recovered(self.about, look.seconds_behind))

    def _look(self, known: Mapping[str, Any], marker: str) -> Look:
        task = self.reverse.find_task()
        before = datetime.fromisoformat(known["lastArrival"])
        with self.sides.target_admin() as target:
            sent_at: datetime = target.value(_SEND, id=marker)
            works = task is not None and task["Status"] in reverse_decision.WORKING
            newest, problem = self._await_arrival(sent_at, PATIENCE_SECONDS if works else 0.0)
            arrived = max(before, newest or before)
            # Markers older than the newest that arrived prove nothing more; replication carries their end too.
            target.execute(_FORGET, prefix=PREFIX, at=arrived)
            missing, seconds_behind = target.rows(_BEHIND, prefix=PREFIX, at=arrived)[0]
            slot = reverse_slot.health(target, self.names.reverse_slot)
        return Look(
            task_status=task["Status"] if task else "",
            task_arn=task["ReplicationTaskArn"] if task else "",
            why=why_stopped(task) if task else "",
            slot=slot,
            arrived=arrived,
            equal_until=before if arrived > before else datetime.fromisoformat(known["equalUntil"]),
            seconds_behind=float(seconds_behind),
            missing=int(missing),
            problem=problem,
        )

    def _await_arrival(self, sent_at: datetime, patience_seconds: float) -> tuple[datetime | None, str]:
        """When the newest marker was written that the source has, and why nothing better is known."""
        try:
            with self.sides.source_admin() as source:
                return self._newest(source, sent_at, patience_seconds), ""
        except CrossfadeError as error:
            return None, str(error)

    def _newest(self, source: Session, sent_at: datetime, patience_seconds: float) -> datetime | None:
        deadline = self.clock() + patience_seconds
        while True:
            newest: datetime | None = source.value(_NEWEST, prefix=PREFIX)
            if (newest and newest >= sent_at) or self.clock() >= deadline:
                return newest
            self.sleep(POLL_SECONDS)


_SEND = (
    "INSERT INTO crossfade.marker (id) VALUES (:id) ON CONFLICT (id) DO UPDATE SET at = clock_timestamp() RETURNING at"
)
_NEWEST = "SELECT max(at) FROM crossfade.marker WHERE starts_with(id, :prefix)"
_BEHIND = (
    "SELECT count(*), extract(epoch FROM clock_timestamp() - CAST(:at AS timestamptz))"
    " FROM crossfade.marker WHERE starts_with(id, :prefix) AND at > :at"
)
_FORGET = "DELETE FROM crossfade.marker WHERE starts_with(id, :prefix) AND at < :at"
