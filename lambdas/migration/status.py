"""Looks at a migration without changing anything: execution, ledger, metrics and DNS."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration import costs, status_report
from migration.context import current_execution, plan_of, require_known
from migration.dms import Dms
from migration.executions import Execution, Executions
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.model import MigrationPlan, to_json
from migration.read_shift import PAUSED
from migration.route53 import DnsRecords
from migration.status_report import Standing
from migration.weights import Side


@dataclass(frozen=True)
class Observer:
    """Everything that is asked; DNS and DMS once the plan is known."""

    plan: MigrationPlan
    remembered: dict[str, Any]
    executions: Executions
    records: DnsRecords
    dms: Dms
    metrics: Metrics

    def report(self, now: datetime) -> dict[str, Any]:
        """The answer of crossfade-status; a value that nobody knows is None.

        `{"migrationId", "execution", "status", "state", "since", "forSeconds", "progress", "lagSeconds",
        "reverseLagSeconds", "weights": {"reader", "writer"}, "reverse", "next", "costSoFar"}`; times are UTC, weights
        in percent.
        """
        arn = current_execution(self.remembered)
        execution, position = self.executions.describe(arn), self.executions.position(arn)
        state = position.state if position else str(self.remembered.get("stage", "unknown"))
        ended = execution.stopped_at if execution else None
        return {
            "migrationId": self.plan.migration_id,
            "execution": arn,
            "status": execution.status if execution else "FORGOTTEN",
            "state": state,
            "since": position.since.isoformat(timespec="seconds") if position else None,
            "forSeconds": round(((ended or now) - position.since).total_seconds()) if position else None,
            "progress": position.progress if position else "",
            **self._lags(now),
            "weights": self._weights(),
            "reverse": status_report.way_back(self.remembered.get("reverse", {})),
            "next": status_report.next_step(self._standing(state, execution, arn)),
            "costSoFar": self._cost(ended or now),
        }

    def _standing(self, state: str, execution: Execution | None, arn: str) -> Standing:
        is_paused = self.remembered.get("readShift", {}).get("state") == PAUSED
        status = execution.status if execution else "FORGOTTEN"
        return Standing(state, status, arn, is_paused, "abort" in self.remembered)

    def _lags(self, now: datetime) -> dict[str, float | None]:
        task, lag = self.dms.find_task(), None
        if task:
            replication = self.dms.replication(task)
            lag = self.metrics.lag_seconds(replication.replication_instance_id, replication.task_resource_id, now)
        return {
            "lagSeconds": lag,
            "reverseLagSeconds": self.metrics.reverse_lag_seconds(self.plan.source.name, now),
        }

    def _weights(self) -> dict[str, dict[str, int]]:
        shares = {
            "reader": self.records.reader_percent(),
            "writer": 100 if self.records.writer_side() is Side.TARGET else 0,
        }
        return {name: {"source": 100 - share, "target": share} for name, share in shares.items()}

    def _cost(self, until: datetime) -> dict[str, Any] | None:
        began, target = self.remembered.get("claimedAt"), self.plan.target
        if began is None:
            return None
        estimate = costs.estimate(
            datetime.fromisoformat(began), until, self.plan.replication_instance_class, target.min_acu, target.max_acu
        )
        return dict(to_json(estimate))


def remembered_plan(ledger: Ledger, migration_id: str) -> tuple[MigrationPlan, dict[str, Any]]:
    """Plan and ledger item. Raises MigrationBlocked for an id that the ledger does not know."""
    remembered = require_known(ledger, migration_id)
    return plan_of(remembered["context"]), remembered
