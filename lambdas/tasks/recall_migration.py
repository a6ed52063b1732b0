"""RecallMigration: this execution takes over a stopped migration; the ledger tells where it goes on."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients, recall
from migration.executions import Executions
from migration.ledger import Ledger
from migration.logs import logger
from migration.scheduler import Schedules, schedule_settings


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`{"undo": migration id, "executionArn"}` → the state to go on with (recall.recall). Raises MigrationBlocked."""
    migration_id, execution_arn = str(event["undo"]), event["executionArn"]
    logger.append_keys(migrationId=migration_id, state="RecallMigration")
    ledger, executions = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]), Executions(clients.stepfunctions())
    state = recall.recall(migration_id, execution_arn, ledger, executions.is_running, datetime.now(UTC))
    recall.delete_schedules(ledger, migration_id, Schedules(clients.scheduler(), schedule_settings()))
    return state
