"""PrepareSource: marker table, replication role and secret on the source; weighted records that point at it only."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, source_preparation
from migration.access import Credentials
from migration.begin import begin_forward
from migration.ledger import Ledger
from migration.names import Names
from migration.parameters import Parameters
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.scram import verifier
from migration.secrets import Secrets
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"replicationRole", "sourceSecretArn", "writerGeneration"}."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("PrepareSource", event, ledger)
    names, source, sides = Names(plan), plan.source, sides_of(plan, event)
    rds, records = Rds(clients.rds()), DnsRecords(clients.route53(), source.settings)
    secrets = Secrets(clients.secretsmanager())

    # What is about to change is remembered first, and only once: a second run would find our own changes.
    instance = rds.instance(source.settings.instance_id)
    found = {
        "originalRecords": records.originals(),
        "autoMinorVersionUpgrade": instance["AutoMinorVersionUpgrade"],
        "replicationRole": names.replication_role,
    }
    ledger.update(
        plan.migration_id,
        {"preparation": found, "generation": 0, "stage": "PrepareSource", "source": source.name},
        expect={"preparation": None},
    )
    if instance["AutoMinorVersionUpgrade"]:
        rds.set_auto_minor_version_upgrade(source.settings.instance_id, enabled=False)

    credentials = secrets.find(names.source_secret) or Credentials(names.replication_role, secrets.new_password())
    secret_arn = secrets.put(names.source_secret, credentials, sides.source_address, names.tags)
    with sides.source_admin() as session:
        source_preparation.prepare(session, names.replication_role, verifier(credentials.password))

    generation = Parameters(clients.ssm()).publish_writer(
        os.environ["CROSSFADE_WRITER_PREFIX"], source.name, source.host, source.port
    )
    records.make_weighted(source.host)
    return {
        "replicationRole": names.replication_role,
        "sourceSecretArn": secret_arn,
        "writerGeneration": generation,
    }
