"""What on-call reads when an execution has ended. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from migration.context import OVER
from migration.endings import UNKNOWN_SOURCE, Ending
from migration.messages import Message, Subject, compose, runbook
from migration.names import MIGRATION_TAG
from migration.roll_back import is_under_way

_ENDS = ("MigrationRefused", "MigrationRolledBack")


def ended_by_design(ending: Ending) -> bool:
    """Whether it came to one of the machine's own ends, or was stopped; else the state it failed in matters."""
    return ending.status == "SUCCEEDED" or ending.was_stopped or ending.error in _ENDS


def outcome_message(
    ending: Ending, remembered: Mapping[str, Any], claimed_by: str = "", failed_state: str = ""
) -> Message:
    """`remembered` is the ledger's item of the migration, {} when it knows none; `claimed_by` the claim's execution."""
    about, kind = _about(ending, remembered), _kind(ending, remembered)
    title, meaning, advice, page = _TEXTS[kind]
    reason = [f"Reason: {ending.error}: {ending.cause}"] if ending.error or ending.cause else []
    names = {
        "source": about.source,
        "arn": about.execution_arn,
        "region": about.region,
        "id": about.migration_id,
        "cluster": about.cluster_id,
        "state": failed_state or "unknown",
        "successor": _successor(ending, remembered),
        "machine": about.execution_arn.rpartition(":")[0].replace(":execution:", ":stateMachine:"),
        "tag": MIGRATION_TAG,
    }
    left = _what_is_left(remembered, about, claimed_by) if kind in ("OperatorNeeded", "Stopped") else []
    return compose(
        f"{about.source}: migration {title}",
        happened=[f"The migration {about.migration_id} of {about.source} ended as {ending.status}.", *reason],
        means=[meaning.format(**names), *left],
        do=[*(line.format(**names) for line in advice), f"Details: {about.console_url}", page],
    )


def _about(ending: Ending, remembered: Mapping[str, Any]) -> Subject:
    plan = remembered.get("context", {}).get("plan", {})
    source = ending.migration_id if ending.is_undo else ending.source
    if ending.source == UNKNOWN_SOURCE:
        source = plan.get("source", {}).get("name", source)
    return Subject(source, ending.migration_id, ending.execution_arn, plan.get("target", {}).get("clusterId", ""))


def _kind(ending: Ending, remembered: Mapping[str, Any]) -> str:
    if ending.status == "SUCCEEDED":
        return "PlanReady" if ending.is_dry_run else "Complete"
    if ending.was_stopped:
        is_left = "context" in remembered and remembered.get("stage") not in OVER
        return "Stopped" if is_left else "StoppedWithNothingLeft"
    if ending.error == "MigrationRefused":
        return "TakeOverRefused" if ending.is_undo else "MigrationRefused"
    if ending.error == "MigrationRolledBack":
        # A target that has carried the application is never deleted.
        return "TargetKept" if "cutOver" in remembered else "MigrationRolledBack"
    return "OperatorNeeded" if _driver(ending, remembered) == ending.execution_arn else "Superseded"


def _driver(ending: Ending, remembered: Mapping[str, Any]) -> str:
    """Who took the migration over, else the execution itself."""
    return str(remembered.get("takenOverBy", ending.execution_arn))


def _successor(ending: Ending, remembered: Mapping[str, Any]) -> str:
    driver = _driver(ending, remembered)
    return driver if driver != ending.execution_arn else ending.successor_arn


def _what_is_left(remembered: Mapping[str, Any], about: Subject, claimed_by: str) -> Iterator[str]:
    """One line for each thing the ledger knows of."""
    yield _writer(remembered, about)
    if percent := remembered.get("readShift", {}).get("weight"):
        yield f"{percent} % of the reads go to {about.cluster_id}."
    if reverse := remembered.get("reverse"):
        yield f"The replication back to {about.source} is {reverse['state']}."
    if claimed_by:
        yield f"The source is claimed by {claimed_by}: no other migration of it begins."
    if "preparation" in remembered:
        yield "A snapshot, an Aurora cluster, DMS resources, weighted DNS records and a schedule may exist."


def _writer(remembered: Mapping[str, Any], about: Subject) -> str:
    if is_under_way(remembered):
        return f"The writer is on its way back from {about.cluster_id} to {about.source}: either may be closed."
    if "cutOver" in remembered:
        return f"Aurora ({about.cluster_id}) is the writer; {about.source} is fenced."
    if remembered.get("fence", {}).get("state") == "fencing":
        return f"{about.source} may be fenced in the middle of the cut-over: then the application cannot write."
    return f"{about.source} is the writer."


_LOOK = (
    "Delete nothing before you know which side is the writer:",
    "aws ssm get-parameter --region {region} --name /crossfade/{source}/writer --query Parameter.Value --output text",
    "What exists of this migration:",
    "aws resourcegroupstaggingapi get-resources --region {region} --tag-filters Key={tag},Values={id}",
)
_REDRIVE = (
    "Remove the reason, then let the execution go on in that state; every step may run again:",
    "aws stepfunctions redrive-execution --region {region} --execution-arn {arn}",
)
_FOLLOW = (
    "Nothing, but see that it runs. It ends as MigrationRolledBack, or bakes on if Aurora was the writer already:",
    "aws stepfunctions describe-execution --region {region} --execution-arn {successor} --query status --output text",
    "If there is no such execution after a minute, start one:",
    'aws stepfunctions start-execution --region {region} --state-machine-arn {machine} --input \'{{"undo":"{id}"}}\'',
)
_KEPT = (
    "The source is the writer, serves all reads and has every write, those made on Aurora too. The Aurora cluster"
    " {cluster} is kept for inspection: it costs money, is closed to the application and protected from deletion."
)
_DELETE_TARGET = (
    "Remove the reason, then start the migration again under another name of the target, or delete this one first:",
    "aws rds modify-db-cluster --region {region} --db-cluster-identifier {cluster} --no-deletion-protection",
    "aws rds delete-db-instance --region {region} --db-instance-identifier {cluster}-2",
    "aws rds delete-db-instance --region {region} --db-instance-identifier {cluster}-1",
    "aws rds delete-db-cluster --region {region} --db-cluster-identifier {cluster} --skip-final-snapshot",
)
# Kind of ending: what the subject says, what it means, what to do, its page.
_TEXTS: dict[str, tuple[str, str, tuple[str, ...], str]] = {
    "Complete": (
        "succeeded",
        "Aurora is the writer and the migration is complete.",
        ("Nothing.",),
        runbook("complete"),
    ),
    "PlanReady": (
        "planned",
        "This was a dry run: the plan is the execution's output, nothing was created or changed.",
        (
            "Read the plan and its warnings:",
            "aws stepfunctions describe-execution --region {region} --execution-arn {arn} --query output --output text",
        ),
        runbook("plan-ready"),
    ),
    "MigrationRefused": (
        "refused",
        "Nothing was created; the source is unchanged.",
        ("Correct what the reason names and start again.",),
        runbook("migration-refused"),
    ),
    "TakeOverRefused": (
        "was not taken over",
        "This execution has changed nothing: somebody else drives the migration, or it is over.",
        ("Nothing, if the reason names what you expect.",),
        runbook("migration-refused"),
    ),
    "MigrationRolledBack": (
        "rolled back",
        "The source is the writer and serves all reads; what was made for the migration is gone.",
        ("Remove the reason, then start the migration again.",),
        runbook("migration-rolled-back"),
    ),
    "TargetKept": (
        "rolled back, target kept",
        _KEPT,
        _DELETE_TARGET,
        runbook("migration-rolled-back-target-kept"),
    ),
    "OperatorNeeded": (
        "needs you",
        "The state {state} has to succeed and did not, after all its retries. Nothing goes on by itself.",
        (*_REDRIVE, *_LOOK),
        runbook("operator-needed"),
    ),
    "Superseded": (
        "is driven by another execution",
        "This execution was taken over before it was redriven; it changes nothing any more. Follow {successor}",
        ("Nothing.",),
        runbook("stopped-by-hand"),
    ),
    "Stopped": (
        "was stopped",
        "Step Functions undoes nothing by itself, so another execution takes over: {successor}",
        (*_FOLLOW, *_LOOK),
        runbook("stopped-by-hand"),
    ),
    "StoppedWithNothingLeft": (
        "was stopped",
        "Nothing had been begun, or all of it was over: there is nothing to undo.",
        ("Nothing.",),
        runbook("stopped-by-hand"),
    ),
}
