"""What goes wrong while changes are applied, and whether the task stops for it (ErrorBehavior in the task settings).

A row that is not there for an UPDATE or DELETE is skipped without a word unless the settings say STOP_TASK, as in DMS.
An INSERT that meets its key cannot be skipped here as DMS does by default: the apply process repeats it, lag grows.
"""

from __future__ import annotations

from pg8000.native import Connection

from rehearsal.account.dms.settings import TaskSettings

TRIES_WITHOUT_PROGRESS = 3
_COUNTERS = """
    SELECT apply_error_count, confl_insert_exists + confl_multiple_unique_conflicts,
           confl_update_missing + confl_update_exists, confl_delete_missing
      FROM pg_stat_subscription_stats WHERE subname = :name"""


class ApplyErrors:
    """Watches the subscription's error counters; they fall to zero in a failover."""

    def __init__(self, settings: TaskSettings) -> None:
        self._settings = settings
        self._last: tuple[int, int, int, int] | None = None
        self._tries, self._applied = 0, -1

    def verdict(self, session: Connection, subscription: str, applied: int) -> str | None:
        """Why the task has to stop, or None. `applied` is the position reached, to tell a repeat from a new error."""
        rows = session.run(_COUNTERS, name=subscription)
        if not rows:
            return None
        errors, inserts, updates, deletes = (int(value) for value in rows[0])
        before, self._last = self._last, (errors, inserts, updates, deletes)
        if before is None or any(new < old for new, old in zip(self._last, before, strict=True)):
            return None
        policies = self._settings
        if inserts > before[1] and policies.stops_on_insert_error:
            return "an INSERT met a row with its key on the target (ApplyErrorInsertPolicy STOP_TASK)"
        if updates > before[2] and policies.stops_on_update_error:
            return "an UPDATE found no row, or another row's key, on the target (ApplyErrorUpdatePolicy STOP_TASK)"
        if deletes > before[3] and policies.stops_on_delete_error:
            return "a DELETE found no row on the target (ApplyErrorDeletePolicy STOP_TASK)"
        return self._repeated(errors - before[0], applied)

    def _repeated(self, new_errors: int, applied: int) -> str | None:
        """The same change failing again and again: DMS's INSERT or UPDATE would have failed for good."""
        self._tries = self._tries + new_errors if applied == self._applied else new_errors
        self._applied = applied
        if self._tries >= TRIES_WITHOUT_PROGRESS and self._settings.stops_on_insert_error:
            return "a change cannot be applied on the target; its server log has the error (STOP_TASK)"
        return None
