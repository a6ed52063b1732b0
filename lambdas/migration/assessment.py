"""May this source be moved, and what should its owner know? Pure: facts in, findings out.

Rules: AWS_RULES R1.4–R1.6, R3.2, R3.3, R5.3 and DATABASES.md, "Assessment checks".
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migration.assessment_queries import DatabaseFacts
from migration.assessment_rules import LIST_RULES
from migration.model import Finding
from migration.weights import RecordSet, host_of

SHOWN_NAMES = 5
MIN_SENDER_TIMEOUT_MS = 10_000
MAX_SENDER_TIMEOUT_MS = 300_000


@dataclass(frozen=True)
class InstanceFacts:
    """What DescribeDBInstances says, as far as a rule needs it."""

    instance_id: str
    status: str
    engine: str
    in_cluster: bool
    pending_changes: list[str]
    read_replicas: list[str]
    auto_minor_version_upgrade: bool
    storage_encrypted: bool
    iam_authentication: bool
    own_parameters: list[str]


def assess_instance(facts: InstanceFacts) -> list[Finding]:
    """What the instance's description alone says."""
    return list(_instance_findings(facts))


def assess_database(facts: DatabaseFacts, application_user: str, master_user: str) -> list[Finding]:
    """What its catalog and settings say."""
    if application_user == master_user:
        return [
            _blocker(
                f"Role {application_user}",
                "is both the master user and the application's, so it cannot be fenced",
                "give the application a role of its own in applicationSecretArn",
            )
        ]
    return [*_setting_findings(facts), *_role_findings(facts, application_user), *_list_findings(facts)]


def assess_login(user: str, secret_arn: str, problem: str | None) -> list[Finding]:
    """Master and application must be able to log in; the cut-over takes a refused login as the proof of its fence."""
    if problem is None:
        return []
    return [_blocker(f"User {user}", f"cannot log in ({problem})", f"correct the secret {secret_arn} or the role")]


def assess_record(name: str, records: list[RecordSet], source_host: str) -> list[Finding]:
    """A name that applications use must be one simple CNAME to the source: it is what becomes weighted."""
    if len(records) == 1 and "SetIdentifier" not in records[0] and host_of(records[0]) == source_host.lower():
        return []
    found = ", ".join(f"{item['Type']} {host_of(item) or 'record'}" for item in records) or "no record"
    remedy = f"make it one simple CNAME to {source_host} in the hosted zone"
    return [_blocker(f"The DNS name {name}", f"does not lead to the source alone ({found})", remedy)]


def blockers(findings: list[Finding]) -> list[Finding]:
    """Those that forbid the migration."""
    return [finding for finding in findings if finding.level == "blocker"]


def sentence(findings: list[Finding]) -> str:
    """Blockers as text for a person: one sentence each."""
    return " ".join(f"{finding.subject} {finding.message}: {finding.remedy}." for finding in findings)


def _instance_findings(facts: InstanceFacts) -> Iterator[Finding]:
    name = f"DB instance {facts.instance_id}"
    if facts.engine != "postgres":
        yield _blocker(name, f"has engine {facts.engine}, which is not supported", "use a source with engine postgres")
    elif facts.in_cluster:
        yield _blocker(name, "belongs to a cluster already", "use a source that is a single RDS instance")
    if facts.status != "available":
        yield _blocker(name, f"is {facts.status}, not available", "wait until it is available and start again")
    if facts.pending_changes:
        changes = ", ".join(facts.pending_changes)
        yield _blocker(name, f"has pending changes ({changes})", "apply them, with a reboot if needed, and start again")
    if facts.read_replicas:
        replicas = ", ".join(facts.read_replicas)
        yield _warning(
            name, f"has read replicas ({replicas}), which stay with it", "point their readers to the reader name"
        )
    if facts.iam_authentication:
        yield _warning(
            name, "uses IAM authentication, which the target has too", "allow rds-db:connect for the new cluster"
        )
    if not facts.storage_encrypted:
        yield _warning(
            name, "is not encrypted, and so will the target be", "nothing to do, or encrypt the source first"
        )
    if facts.auto_minor_version_upgrade:
        yield _warning(
            name, "upgrades minor versions by itself", "nothing to do: switched off while the migration runs"
        )
    if facts.own_parameters:
        yield _warning(
            name,
            f"has parameters of its own ({_some(facts.own_parameters)}), which the target does not take over",
            "set those you need in the target's parameter group after AwaitTarget",
        )


def _setting_findings(facts: DatabaseFacts) -> Iterator[Finding]:
    numbers = facts.numbers
    if facts.wal_level != "logical":
        yield _blocker(
            "The source",
            f"has wal_level {facts.wal_level}",
            "set rds.logical_replication = 1 in its parameter group and reboot it",
        )
    if numbers["free_slots"] < 1:
        yield _blocker("The source", "has no free replication slot", "raise max_replication_slots or drop unused slots")
    if numbers["free_senders"] < 1:
        yield _blocker("The source", "has no free WAL sender", "raise max_wal_senders and reboot it")
    timeout = numbers["wal_sender_timeout_ms"]
    if timeout and not MIN_SENDER_TIMEOUT_MS <= timeout <= MAX_SENDER_TIMEOUT_MS:
        yield _blocker("The source", f"has wal_sender_timeout {timeout} ms", "set it to 0 or between 10 s and 5 min")
    if numbers["large_objects"]:
        yield _blocker(
            "The source",
            f"holds {numbers['large_objects']} large objects (pg_largeobject), which DMS does not carry",
            "move them into bytea columns or remove them with lo_unlink",
        )
    if numbers["slot_wal_limit_mb"] >= 0:
        yield _warning(
            "The source",
            f"gives up slots that hold more than {numbers['slot_wal_limit_mb']} MB (max_slot_wal_keep_size)",
            "set it to -1 while the migration runs",
        )
    if facts.schema_exists:
        yield _blocker(
            "The source",
            "has a schema crossfade already, left by another migration or of your own",
            "drop it with DROP SCHEMA crossfade CASCADE if nothing needs it, or rename it",
        )


def _role_findings(facts: DatabaseFacts, application_user: str) -> Iterator[Finding]:
    if application_user not in facts.lists["application_roles"]:
        yield _blocker(
            f"Role {application_user}",
            "of applicationSecretArn cannot log in to the source or is a superuser",
            "correct the secret or the role",
        )
    for role in facts.roles_not_administered:
        yield _blocker(
            f"Role {role}",
            "cannot be altered by the master user, so it cannot be fenced",
            f'GRANT "{role}" TO the master user WITH ADMIN OPTION',
        )


def _list_findings(facts: DatabaseFacts) -> Iterator[Finding]:
    for rule in LIST_RULES:
        names = facts.lists[rule.key]
        if names:
            yield Finding(rule.level, _some(names), rule.message, rule.remedy)


def _some(names: list[str]) -> str:
    """The first names, and how many more."""
    more = len(names) - SHOWN_NAMES
    return ", ".join(names[:SHOWN_NAMES]) + (f" and {more} more" if more > 0 else "")


def _blocker(subject: str, message: str, remedy: str) -> Finding:
    return Finding("blocker", subject, message, remedy)


def _warning(subject: str, message: str, remedy: str) -> Finding:
    return Finding("warning", subject, message, remedy)
