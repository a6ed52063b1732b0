"""One failover of the target on purpose, measured where it counts: at the cluster endpoint and in replication."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from migration import markers
from migration.aurora import Aurora
from migration.errors import CrossfadeError, DatabaseRefused, StateDrifted, TargetNotReady, Throttled
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.sides import Sides

POLL_SECONDS = 0.25
PATIENCE_SECONDS = 600.0
MARKER_PREFIX = "failover-drill/"


@dataclass(frozen=True)
class FailoverDrill:
    """`fail_over` asks RDS for the failover of the plan's cluster."""

    plan: MigrationPlan
    sides: Sides
    aurora: Aurora
    ledger: Ledger
    fail_over: Callable[[], None]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def run(self) -> dict[str, Any]:
        """Result `{"writerBefore", "writerAfter", "outageSeconds", "caughtUpSeconds"}`; a repeat finds its own drill.

        `outageSeconds` runs from the request until the cluster endpoint gives a session that can write.
        Raises TargetNotReady while the cluster is busy, StateDrifted when the writer did not change.
        """
        drill = self.ledger.read(self.plan.migration_id).get("drill") or self._begin()
        if "outageSeconds" not in drill:
            drill = self._measure(drill)
        self.aurora.require_available()
        return {key: value for key, value in drill.items() if key != "startedAt"}

    def _begin(self) -> dict[str, Any]:
        """Remembered before the request: a repeat must not fail over back."""
        self.aurora.require_available()
        drill = {"writerBefore": _writer(self.aurora.cluster()), "startedAt": self.clock()}
        self._remember(drill)
        self.fail_over()
        return drill

    def _measure(self, drill: dict[str, Any]) -> dict[str, Any]:
        deadline = self.clock() + PATIENCE_SECONDS
        writer = self._await_new_writer(drill, deadline)
        outage = self._await_write_session(deadline) - drill["startedAt"]
        caught_up = self._await_marker(deadline) - drill["startedAt"]
        done = {**drill, "writerAfter": writer, "outageSeconds": round(outage, 2)}
        done["caughtUpSeconds"] = round(caught_up, 2)
        self._remember(done)
        return done

    def _remember(self, drill: dict[str, Any]) -> None:
        self.ledger.update(self.plan.migration_id, {"drill": drill})

    def _await_new_writer(self, drill: dict[str, Any], deadline: float) -> str:
        asked_again = False
        while True:
            cluster = self.aurora.cluster()
            writer = _writer(cluster)
            if writer != drill["writerBefore"]:
                return writer
            if not asked_again and cluster and cluster["Status"] == "available" and self._is_stale(drill):
                self.fail_over()  # the run before died between remembering and asking
                asked_again = True
            self._wait(deadline, "the writer has not changed")

    def _is_stale(self, drill: dict[str, Any]) -> bool:
        return self.clock() - float(drill["startedAt"]) > PATIENCE_SECONDS / 5

    def _await_write_session(self, deadline: float) -> float:
        while True:
            try:
                with self.sides.target_admin(connect_timeout_seconds=2.0) as session:
                    if session.value("SELECT NOT pg_is_in_recovery()"):
                        return self.clock()
            except (Throttled, DatabaseRefused):
                pass
            self._wait(deadline, "the cluster endpoint gives no session that can write")

    def _await_marker(self, deadline: float) -> float:
        marker = MARKER_PREFIX + uuid.uuid4().hex
        with self.sides.source_admin() as source:
            markers.delete_markers(source, MARKER_PREFIX)
            markers.write_marker(source, marker)
        while not self._has_arrived(marker):
            self._wait(deadline, "replication has not caught up after the failover")
        return self.clock()

    def _has_arrived(self, marker: str) -> bool:
        try:
            with self.sides.target_admin(connect_timeout_seconds=2.0) as target:
                return markers.has_arrived(target, marker)
        except CrossfadeError:
            return False

    def _wait(self, deadline: float, progress: str) -> None:
        if self.clock() > deadline:
            raise TargetNotReady(f"failover drill: {progress}")
        self.sleep(POLL_SECONDS)


def _writer(cluster: Mapping[str, Any] | None) -> str:
    for member in (cluster or {}).get("DBClusterMembers", []):
        if member.get("IsClusterWriter"):
            return str(member["DBInstanceIdentifier"])
    raise StateDrifted("The target cluster has no writer.")
