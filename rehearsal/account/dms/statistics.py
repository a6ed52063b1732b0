"""ReplicationTaskStats: progress of the full load and the dates of a task. It has no lag (AWS_RULES R3.4)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rehearsal.account.dms import tables
from rehearsal.account.dms.tables import Progress


@dataclass
class TaskTimes:
    """When a task was started, loaded and stopped."""

    fresh: datetime | None = None
    started: datetime | None = None
    load_finished: datetime | None = None
    stopped: datetime | None = None

    def start(self, *, fresh: bool) -> None:
        self.started, self.stopped = datetime.now(UTC), None
        if fresh:
            self.fresh, self.load_finished = self.started, None

    def finish_load(self) -> None:
        self.load_finished = self.load_finished or datetime.now(UTC)

    def stop(self) -> None:
        self.stopped = datetime.now(UTC)

    def description(self, progress: Sequence[Progress]) -> dict[str, Any]:
        """ReplicationTaskStats as DescribeReplicationTasks shows them."""
        if self.started is None:
            return {}
        states = Counter(item.state for item in progress)
        elapsed = (self.stopped or datetime.now(UTC)) - self.started
        dates = {
            "FreshStartDate": self.fresh,
            "StartDate": self.started,
            "StopDate": self.stopped,
            "FullLoadStartDate": self.fresh,
            "FullLoadFinishDate": self.load_finished,
        }
        return {
            "FullLoadProgressPercent": percent_loaded(progress),
            "ElapsedTimeMillis": int(elapsed.total_seconds() * 1000),
            "TablesLoaded": states[tables.COMPLETED],
            "TablesLoading": states[tables.LOADING],
            "TablesQueued": states[tables.BEFORE_LOAD],
            "TablesErrored": states[tables.ERROR] + states[tables.MISSING],
            **{name: moment for name, moment in dates.items() if moment is not None},
        }


def percent_loaded(progress: Sequence[Progress]) -> int:
    """Finished tables weighed by their size on the source."""
    total = sum(1 + item.table.bytes_estimate for item in progress)
    done = sum(1 + item.table.bytes_estimate for item in progress if item.load_ended or item.state == tables.COMPLETED)
    return done * 100 // total if total else 0
