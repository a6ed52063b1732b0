"""Complete: DMS is retired, the final snapshot exists, the source is kept and on-call will be reminded."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from migration import clients, messages, replication_way, retirement, source_preparation
from migration.begin import begin_driven
from migration.completion import ReplicationRetirement
from migration.context import about
from migration.dms import Dms
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.names import Names
from migration.notices import Notices
from migration.scheduler import Schedules, schedule_settings
from migration.secrets import Secrets
from migration.sides import Sides, sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"finalSnapshotArn", "retireOn"}. Raises RetirementPending with the progress."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("Complete", event, ledger)
    names, sides = Names(plan), sides_of(plan, event)
    source = retirement.SourceRetirement(clients.rds(), plan.source.settings.instance_id, f"{names.snapshot}-final")
    source.protect()
    _retire_replication(sides, ledger)
    snapshot_arn = source.take_final_snapshot(names.tags)
    with sides.target_admin() as target:
        retirement.clean_target(target, names.replication_role)
    retire_on = retirement.retirement_date(datetime.fromisoformat(event["cutOver"]["at"]), plan.options.bake_days)
    _remind(plan, retire_on, snapshot_arn)
    ledger.release(plan.source.name, plan.migration_id)
    if ledger.update(plan.migration_id, {"stage": "Complete", "announced": True}, expect={"announced": None}):
        _announce(plan, retire_on, snapshot_arn)
    return {"finalSnapshotArn": snapshot_arn, "retireOn": f"{retire_on:%Y-%m-%d}"}


def _retire_replication(sides: Sides, ledger: Ledger) -> None:
    names, client = Names(sides.plan), clients.dms()
    ReplicationRetirement(
        sides,
        ledger,
        Schedules(clients.scheduler(), schedule_settings()),
        Secrets(clients.secretsmanager()),
        [Dms(client, names, way) for way in replication_way.all_ways(names)],
        is_target_kept=True,
    ).run()
    with sides.source_admin() as session:
        source_preparation.undo(session, names.replication_role)


def _remind(plan: MigrationPlan, retire_on: datetime, snapshot_arn: str) -> None:
    payload = {
        "source": plan.source.name,
        "migrationId": plan.migration_id,
        "executionArn": plan.execution_arn,
        "clusterId": plan.target.cluster_id,
        "instanceId": plan.source.settings.instance_id,
        "finalSnapshotArn": snapshot_arn,
    }
    Schedules(clients.scheduler(), schedule_settings()).once(
        f"crossfade-remind-{plan.migration_id}", retire_on, os.environ["CROSSFADE_REMIND_RETIREMENT_ARN"], payload
    )


def _announce(plan: MigrationPlan, retire_on: datetime, snapshot_arn: str) -> None:
    message = messages.completed(about(plan), plan.source.settings.instance_id, f"{retire_on:%Y-%m-%d}", snapshot_arn)
    Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
