"""StartReplication: the target is emptied and closed, and a DMS full-load-and-cdc task is started into it.

Small idempotent steps; while DMS makes its resources, ReplicationNotReady brings the state machine back.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, sessions, target_preparation, task_settings
from migration.access import Address
from migration.aurora import Aurora
from migration.begin import begin
from migration.dms import Dms
from migration.errors import ReplicationNotReady
from migration.ledger import Ledger
from migration.model import MigrationPlan, to_json
from migration.names import Names
from migration.secrets import Secrets

STATEMENT_TIMEOUT_MS = 300_000


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"taskArn", "taskResourceId", "replicationInstanceId"}."""
    plan = begin("StartReplication", event)
    names, dms = Names(plan), Dms(clients.dms(), Names(plan))
    dms.create_instance(plan.replication_instance_class, plan.source.subnet_ids, plan.source.security_group_ids)
    settings = _close_target(plan, event["targetReady"])
    Aurora(clients.rds(), plan).allow_writes()
    arns = [dms.create_endpoint(*endpoint) for endpoint in _endpoints(plan, event["targetReady"])]
    instance_arn = dms.available_instance_arn()
    dms.require_connections(instance_arn, arns)
    _require_writable(plan, event["targetReady"])
    dms.create_task(instance_arn, arns[0], arns[1], _mappings(plan), settings)
    result: dict[str, Any] = to_json(dms.start_task())
    return {**result, "replicationRole": names.replication_role}


def _close_target(plan: MigrationPlan, target_ready: Mapping[str, Any]) -> str:
    """Empties and closes the target once; the task settings that fit what was in it."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    with sessions.target_master(plan.source, target_ready, STATEMENT_TIMEOUT_MS) as session:
        if not target_preparation.is_closed(session):
            # Remembered before the tables are emptied: afterwards there is nothing left to measure.
            limit = task_settings.lob_max_kib(target_preparation.largest_value_bytes(session))
            ledger.update(plan.migration_id, {"lobMaxKib": limit})
            target_preparation.empty_and_close(session, Names(plan).replication_role, plan.migration_id)
    return task_settings.task_settings(ledger.read(plan.migration_id)["lobMaxKib"])


def _require_writable(plan: MigrationPlan, target_ready: Mapping[str, Any]) -> None:
    """DMS must be able to write; applications are refused by the guards from here on."""
    with sessions.target_master(plan.source, target_ready, writable=False) as session:
        if session.value("SHOW default_transaction_read_only") == "on":
            raise ReplicationNotReady("the target's parameter default_transaction_read_only is still on")


def _endpoints(plan: MigrationPlan, target_ready: Mapping[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    names, secrets, database = Names(plan), Secrets(clients.secretsmanager()), plan.source.settings.database_name
    role_arn = os.environ["CROSSFADE_DMS_SECRETS_ROLE_ARN"]
    credentials = secrets.credentials(names.source_secret)
    source_arn = secrets.put(names.source_secret, credentials, sessions.source_address(plan.source), names.tags)
    address = Address(target_ready["writerHost"], target_ready["port"], database)
    target_arn = secrets.put(names.target_secret, credentials, address, names.tags)
    return [
        ("source", task_settings.source_endpoint_settings(source_arn, role_arn, database)),
        ("target", task_settings.target_endpoint_settings(target_arn, role_arn, database)),
    ]


def _mappings(plan: MigrationPlan) -> str:
    with sessions.source_master(plan.source) as session:
        tables = target_preparation.user_tables(session)
    roots = [(table.schema, table.name) for table in tables if table.kind == "p"]
    return task_settings.table_mappings({table.schema for table in tables}, roots)
