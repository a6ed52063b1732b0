"""status: where a migration is, since when, and what happens next. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients
from migration.dms import Dms
from migration.executions import Executions
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.names import Names
from migration.operator_request import parse_request
from migration.route53 import DnsRecords
from migration.status import Observer, remembered_plan


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId"}, returns what `Observer.report` says. Raises MigrationBlocked for an unknown id."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan, remembered = remembered_plan(ledger, parse_request(event).migration_id)
    observer = Observer(
        plan,
        remembered,
        Executions(clients.stepfunctions()),
        DnsRecords(clients.route53(), plan.source.settings),
        Dms(clients.dms(), Names(plan)),
        Metrics(clients.cloudwatch()),
    )
    return observer.report(datetime.now(UTC))
