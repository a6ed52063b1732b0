"""StartReplication: the target is emptied and closed, and a DMS full-load-and-cdc task is started into it.

Small idempotent steps; while DMS makes its resources, ReplicationNotReady brings the state machine back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, large_values, replication_inputs, target_preparation, task_settings
from migration.aurora import Aurora
from migration.begin import begin_forward
from migration.context import remember_context
from migration.dms import Dms
from migration.errors import ReplicationNotReady
from migration.ledger import Ledger
from migration.model import to_json
from migration.names import Names
from migration.secrets import Secrets
from migration.sides import Sides, sides_of

STATEMENT_TIMEOUT_MS = 300_000


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"taskArn", "taskResourceId", "replicationInstanceId"}."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("StartReplication", event, ledger)
    remember_context(ledger, plan.migration_id, event)
    names, dms, sides = Names(plan), Dms(clients.dms(), Names(plan)), sides_of(plan, event)
    dms.create_instance(plan.replication_instance_class, plan.source.subnet_ids, plan.source.security_group_ids)
    settings = _close_target(sides, ledger)
    Aurora(clients.rds(), plan).allow_writes()
    arns = [dms.create_endpoint(*endpoint) for endpoint in _endpoints(sides)]
    instance_arn = dms.available_instance_arn()
    dms.require_connections(instance_arn, arns)
    _require_writable(sides)
    dms.create_task(instance_arn, arns[0], arns[1], replication_inputs.mappings(sides), settings)
    result: dict[str, Any] = to_json(dms.start_task())
    return {**result, "replicationRole": names.replication_role}


def _close_target(sides: Sides, ledger: Ledger) -> str:
    """Empties and closes the target once; the task settings that fit what was in it."""
    plan = sides.plan
    with sides.target_admin(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as session:
        if not target_preparation.is_closed(session):
            # Remembered before the tables are emptied: afterwards there is nothing left to measure.
            limit = task_settings.lob_max_kib(large_values.largest_value_bytes(session))
            ledger.update(plan.migration_id, {"lobMaxKib": limit})
            target_preparation.empty_and_close(session, Names(plan).replication_role, plan.migration_id)
    return task_settings.task_settings(ledger.read(plan.migration_id)["lobMaxKib"])


def _require_writable(sides: Sides) -> None:
    """DMS must be able to write; applications are refused by the guards from here on."""
    with sides.target_admin(writable=False) as session:
        if session.value("SHOW default_transaction_read_only") == "on":
            raise ReplicationNotReady("the target's parameter default_transaction_read_only is still on")


def _endpoints(sides: Sides) -> list[tuple[str, dict[str, Any]]]:
    database = sides.plan.source.settings.database_name
    role_arn = os.environ["CROSSFADE_DMS_SECRETS_ROLE_ARN"]
    source_arn, target_arn = replication_inputs.secret_arns(sides, Secrets(clients.secretsmanager()))
    return [
        ("source", task_settings.source_endpoint_settings(source_arn, role_arn, database)),
        ("target", task_settings.target_endpoint_settings(target_arn, role_arn, database)),
    ]
