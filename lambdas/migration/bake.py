"""After the cut-over: the slow work that the stall had no time for, and the period until the migration completes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta

from migration import fence, target_preparation
from migration.access import Session
from migration.dms import Dms
from migration.errors import FlipIncomplete, Throttled
from migration.executions import Executions
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import MigrationPlan
from migration.route53 import DnsRecords
from migration.scheduler import Schedules
from migration.sides import Sides
from migration.weights import Side

LOCK_TIMEOUT_MS = 100
LOCK_ATTEMPTS = 100
LOCK_PAUSE_SECONDS = 0.2


def settle(plan: MigrationPlan, sides: Sides, records: DnsRecords, dms: Dms) -> None:
    """The writer's record is published, nobody is on the source, the forward task stops, the guards are gone.

    Raises FlipIncomplete when the application still has sessions on the source. Idempotent.
    """
    records.wait_insync(records.flip_writer(Side.TARGET))
    with sides.source_admin() as source, sides.target_admin() as target:
        sessions = fence.application_sessions(source, plan.source.application_roles)
        if sessions:
            raise FlipIncomplete(f"The application has {sessions} sessions on the fenced source.")
        dms.stop_task()
        _open_tables(source, target)


def _open_tables(source: Session, target: Session, sleep: Callable[[float], None] = time.sleep) -> None:
    """Takes guards and relaxed identities back, table by table, without ever making the application wait for long.

    Each needs a lock that nobody else holds, and whoever comes later queues behind a waiting one: so it waits briefly,
    gives way and tries again. Raises Throttled when a table stays busy.
    """
    target.execute(f"SET lock_timeout = {LOCK_TIMEOUT_MS}")
    for attempt in range(1, LOCK_ATTEMPTS + 1):
        try:
            target_preparation.remove_guards(target)
            target_preparation.restore_identities(source, target)
        except Throttled:
            if attempt == LOCK_ATTEMPTS:
                raise
            sleep(LOCK_PAUSE_SECONDS)
        else:
            return


def begin_period(
    plan: MigrationPlan, task_token: str, ledger: Ledger, schedules: Schedules, function_arn: str, now: datetime
) -> None:
    """Keeps the token and schedules the end; without days of bake that is Scheduler's soonest, the next minute."""
    ends_at = now + max(timedelta(days=plan.options.bake_days), timedelta(minutes=1))
    ledger.update(
        plan.migration_id, {"bake": {"taskToken": task_token, "endsAt": ends_at.isoformat(timespec="seconds")}}
    )
    name, payload = f"crossfade-bake-{plan.migration_id}", {"migrationId": plan.migration_id}
    schedules.once(name, ends_at, function_arn, payload)


def finish_period(migration_id: str, ledger: Ledger, executions: Executions) -> bool:
    """Lets the execution go on; False when it does not wait any more."""
    bake = ledger.read(migration_id).get("bake")
    if bake is None:
        logger.warning("the ledger knows no bake of %s", migration_id)
        return False
    return executions.succeed(str(bake["taskToken"]), {"endsAt": bake["endsAt"]})
