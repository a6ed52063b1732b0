"""After the cut-over: the slow work that the stall had no time for, and the period until the migration completes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from migration import fence, target_preparation
from migration.dms import Dms
from migration.errors import FlipIncomplete
from migration.executions import Executions
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import MigrationPlan
from migration.route53 import DnsRecords
from migration.scheduler import Schedules
from migration.sides import Sides
from migration.weights import Side


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
        target_preparation.remove_guards(target)
        target_preparation.restore_identities(source, target)


@dataclass(frozen=True)
class BakePeriod:
    """Keeps the task token of Bake until the period is over."""

    ledger: Ledger
    schedules: Schedules
    executions: Executions

    def begin(self, plan: MigrationPlan, task_token: str, function_arn: str, now: datetime) -> None:
        """Keeps the token and schedules the end; no days of bake end at once."""
        ends_at = now + timedelta(days=plan.options.bake_days)
        bake = {"taskToken": task_token, "endsAt": ends_at.isoformat(timespec="seconds")}
        self.ledger.update(plan.migration_id, {"bake": bake})
        if plan.options.bake_days == 0:
            self.finish(plan.migration_id)
            return
        name, payload = f"crossfade-bake-{plan.migration_id}", {"migrationId": plan.migration_id}
        self.schedules.once(name, ends_at, function_arn, payload)

    def finish(self, migration_id: str) -> bool:
        """Lets the execution go on; False when it does not wait any more."""
        bake = self.ledger.read(migration_id).get("bake")
        if bake is None:
            logger.warning("the ledger knows no bake of %s", migration_id)
            return False
        return self.executions.succeed(str(bake["taskToken"]), {"endsAt": bake["endsAt"]})
