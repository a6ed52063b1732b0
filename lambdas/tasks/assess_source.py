"""AssessSource: the input is validated, the source is known to be movable, and the plan says how. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.assessor import Assessor
from migration.claims import require_free
from migration.dms import orderable_classes
from migration.executions import Executions
from migration.inputs import parse_input
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import to_json
from migration.parameters import Parameters
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.secrets import Secrets


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """`{"input", "executionArn"}` → the MigrationPlan. Raises MigrationBlocked with every blocker."""
    logger.append_keys(state="AssessSource", executionArn=event["executionArn"])
    asked = parse_input(event["input"])
    settings = Parameters(clients.ssm()).source_settings(os.environ["CROSSFADE_SOURCES_PREFIX"], asked.source)
    ledger, executions = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]), Executions(clients.stepfunctions())
    require_free(ledger, asked.source, event["executionArn"], executions.is_running)
    assessor = Assessor(
        settings,
        Rds(clients.rds()),
        Secrets(clients.secretsmanager()),
        DnsRecords(clients.route53(), settings),
        lambda: orderable_classes(clients.dms()),
    )
    plan: dict[str, Any] = to_json(assessor.plan(asked, event["executionArn"]))
    return plan
