"""AssessSource: the input is validated, the source is known to be movable, and the plan says how. Changes nothing."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import assessment, clients, planning
from migration.access import Address, Credentials
from migration.assessment_queries import read_facts
from migration.claims import require_free
from migration.database import Database
from migration.dms import orderable_classes
from migration.errors import MigrationBlocked
from migration.executions import Executions
from migration.inputs import MigrationInput, parse_input
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import Finding, MigrationPlan, SourceSettings, to_json
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
    plan: dict[str, Any] = to_json(_assess(asked, settings, event["executionArn"]))
    return plan


def _assess(asked: MigrationInput, settings: SourceSettings, execution_arn: str) -> MigrationPlan:
    rds = Rds(clients.rds())
    instance = rds.find_instance(settings.instance_id)
    if instance is None:
        raise MigrationBlocked(
            f"The DB instance {settings.instance_id} of {asked.source} does not exist: correct instanceId in cdk.json."
        )
    parameters = rds.own_parameters(instance["DBParameterGroups"][0]["DBParameterGroupName"])
    facts = planning.instance_facts(instance, parameters)
    _stop_at_blockers(assessment.assess_instance(facts))

    secrets = Secrets(clients.secretsmanager())
    master = secrets.credentials(settings.master_secret_arn)
    application = secrets.credentials(settings.application_secret_arn)
    address = Address(instance["Endpoint"]["Address"], instance["Endpoint"]["Port"], settings.database_name)
    with Database.connect(address, master) as session:
        database = read_facts(session, application.username)
    findings = [
        *assessment.assess_instance(facts),
        *assessment.assess_database(database, application.username, master.username),
        *_record_findings(settings, address.host),
    ]
    _stop_at_blockers(findings)
    _prove_login(address, application)
    source = planning.describe_source(
        asked.source, settings, instance, master.username, database.lists["application_roles"]
    )
    offer = planning.Offer(rds.serverless_versions(), orderable_classes(clients.dms()))
    return planning.make_plan(asked, execution_arn, source, offer, findings)


def _stop_at_blockers(findings: list[Finding]) -> None:
    blockers = assessment.blockers(findings)
    if blockers:
        raise MigrationBlocked(assessment.sentence(blockers))


def _record_findings(settings: SourceSettings, source_host: str) -> list[Finding]:
    records = DnsRecords(clients.route53(), settings)
    names = (settings.writer_name, settings.reader_name)
    return [finding for name in names for finding in assessment.assess_record(name, records.find(name), source_host)]


def _prove_login(address: Address, application: Credentials) -> None:
    """The cut-over's probe takes a refused login as the proof of the fence: so it must be accepted now."""
    Database.connect(address, application, writable=False).close()
