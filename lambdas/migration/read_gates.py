"""Looks at everything that must hold before more reads go to the target."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

from migration import markers
from migration.aurora import Aurora
from migration.dms import Dms
from migration.errors import CrossfadeError, NotReady, Throttled
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.model import MigrationPlan
from migration.read_shift import GateReport
from migration.sides import Sides

MARKER_PREFIX = "read-shift/"
MARKER_WAIT_SECONDS = 20.0  # the function has 60 s for all gates; a lag above the limit is the metric's to tell
FORGOTTEN_SECONDS = 600  # a firing that came twice waits for a marker of its own


@dataclass(frozen=True)
class ReadGates:
    """Claim, replication task, lag by metric and by marker, cluster and reader."""

    plan: MigrationPlan
    sides: Sides
    ledger: Ledger
    aurora: Aurora
    dms: Dms
    metrics: Metrics

    def look(self, now: datetime) -> GateReport:
        """Every gate is looked at. NotReady and Throttled hold the weights, any other error breaks the shift."""
        broken: list[str] = []
        holding: list[str] = []
        for gate in (self._claim, self._cluster, self._reader, lambda: self._lag(now), self._marker):
            try:
                broken += gate()
            except (NotReady, Throttled) as error:
                holding.append(str(error))
            except CrossfadeError as error:
                broken.append(str(error))
        return GateReport(tuple(broken), tuple(holding))

    def _claim(self) -> list[str]:
        holder = self.ledger.holder(self.plan.source.name)
        ours = holder is not None and holder.migration_id == self.plan.migration_id
        return [] if ours else [f"the source {self.plan.source.name} is not claimed by this migration any more"]

    def _cluster(self) -> list[str]:
        self.aurora.require_available()
        return []

    def _reader(self) -> list[str]:
        try:
            with self.sides.target_reader() as session:
                session.value("SELECT 1")
        except Throttled as error:
            return [f"the reader endpoint does not answer: {error}"]
        return []

    def _lag(self, now: datetime) -> list[str]:
        replication, limit = self.dms.replication(self.dms.running_task()), self.plan.options.max_lag_seconds
        lag = self.metrics.lag_seconds(replication.replication_instance_id, replication.task_resource_id, now)
        if lag is None:
            raise NotReady("DMS sends no lag metric")
        if lag > limit:
            raise NotReady(f"replica lag is {lag:.0f} s, the limit is {limit} s")
        return []

    def _marker(self) -> list[str]:
        limit = min(float(self.plan.options.max_lag_seconds), MARKER_WAIT_SECONDS)
        with self.sides.source_admin() as source, self.sides.target_admin() as target:
            markers.delete_markers(source, MARKER_PREFIX, FORGOTTEN_SECONDS)
            passage = markers.send_marker(source, target, MARKER_PREFIX + uuid.uuid4().hex, limit)
        if passage.seconds is None:
            raise NotReady(f"a marker did not arrive within {limit:.0f} s")
        return []
