"""Looks at a source from all sides and makes the plan, or says everything that forbids it. Changes nothing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from typing import Any

from migration import assessment, planning
from migration.access import Address, Credentials
from migration.assessment_queries import DatabaseFacts, read_facts
from migration.database import Database
from migration.errors import MigrationBlocked
from migration.inputs import MigrationInput
from migration.model import Finding, MigrationPlan, SourceSettings
from migration.rds import Rds
from migration.route53 import DnsRecords
from migration.secrets import Secrets


@dataclass(frozen=True)
class Assessor:
    """What is asked: RDS, the secrets, the DNS names, DMS's offer, and the database itself."""

    settings: SourceSettings
    rds: Rds
    secrets: Secrets
    records: DnsRecords
    replication_classes: Callable[[], Set[str]]

    def plan(self, asked: MigrationInput, execution_arn: str) -> MigrationPlan:
        """Raises MigrationBlocked with a sentence for each blocker; Throttled when the database does not answer."""
        instance = self._instance(asked.source)
        about_instance = self._instance_findings(instance)
        _stop_at_blockers(about_instance)
        address = Address(instance["Endpoint"]["Address"], instance["Endpoint"]["Port"], self.settings.database_name)
        master, application = self._logins(address)
        database = _database_facts(address, master, application)
        findings = [
            *about_instance,
            *assessment.assess_database(database, application.username, master.username),
            *self._record_findings(address.host),
        ]
        _stop_at_blockers(findings)
        source = planning.describe_source(
            asked.source, self.settings, instance, master.username, database.lists["application_roles"]
        )
        offer = planning.Offer(self.rds.serverless_versions(), self.replication_classes())
        return planning.make_plan(asked, execution_arn, source, offer, findings)

    def _instance(self, source: str) -> Mapping[str, Any]:
        instance = self.rds.find_instance(self.settings.instance_id)
        if instance is None:
            raise MigrationBlocked(
                f"The DB instance {self.settings.instance_id} of {source} does not exist: correct instanceId."
            )
        return instance

    def _instance_findings(self, instance: Mapping[str, Any]) -> list[Finding]:
        parameters = self.rds.own_parameters(instance["DBParameterGroups"][0]["DBParameterGroupName"])
        return assessment.assess_instance(planning.instance_facts(instance, parameters))

    def _logins(self, address: Address) -> tuple[Credentials, Credentials]:
        """Master and application, both proved to be let in."""
        arns = (self.settings.master_secret_arn, self.settings.application_secret_arn)
        master, application = (self.secrets.credentials(arn) for arn in arns)
        problems = [Database.login_problem(address, login) for login in (master, application)]
        _stop_at_blockers(
            [
                *assessment.assess_login(master.username, arns[0], problems[0]),
                *assessment.assess_login(application.username, arns[1], problems[1]),
            ]
        )
        return master, application

    def _record_findings(self, source_host: str) -> list[Finding]:
        names = (self.settings.writer_name, self.settings.reader_name)
        found = [assessment.assess_record(name, self.records.find(name), source_host) for name in names]
        return [finding for findings in found for finding in findings]


def _database_facts(address: Address, master: Credentials, application: Credentials) -> DatabaseFacts:
    with Database.connect(address, master) as session:
        return read_facts(session, application.username)


def _stop_at_blockers(findings: list[Finding]) -> None:
    blockers = assessment.blockers(findings)
    if blockers:
        raise MigrationBlocked(assessment.sentence(blockers))
