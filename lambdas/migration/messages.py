"""What on-call reads. Pure. Every message says what happened, what it means and what to do, with complete commands."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration.model import migration_id_for

SUBJECT_LIMIT = 100  # characters, API reference of SNS Publish


@dataclass(frozen=True)
class Message:
    """One SNS message."""

    subject: str
    body: str


@dataclass(frozen=True)
class Subject:
    """What a message is about. `execution_arn` is the Step Functions execution's."""

    source: str
    migration_id: str
    execution_arn: str
    cluster_id: str

    @property
    def region(self) -> str:
        """Fourth part of an ARN."""
        return self.execution_arn.split(":")[3]

    @property
    def console_url(self) -> str:
        """The execution in the Step Functions console."""
        base = f"https://{self.region}.console.aws.amazon.com/states/home?region={self.region}"
        return f"{base}#/v2/executions/details/{self.execution_arn}"


def operation_command(function: str, migration_id: str, region: str) -> str:
    """A command that AWS CLI v1 and v2 both understand: only `fileb://` means raw bytes in both."""
    payload = f'{{"migrationId":"{migration_id}"}}'
    return (
        f"echo '{payload}' | aws lambda invoke --region {region} --function-name {function}"
        " --payload fileb:///dev/stdin /dev/stdout"
    )


def facts(state: Mapping[str, Any]) -> list[str]:
    """What the execution has found out so far, for the person who decides."""
    verified, drill = state.get("verification", {}), state.get("drill", {})
    lines = []
    if verified:
        lines.append(f"Verified: {verified['rows']} rows in {verified['tables']} tables are equal on both sides.")
    if drill:
        lines.append(f"Failover drill: the cluster took writes again after {drill['outageSeconds']} s.")
    return lines


def approval_requested(about: Subject, facts: list[str]) -> Message:
    """All reads are on the target; a person has to allow the writer to move."""
    return _message(
        f"{about.source}: approve the cut-over to Aurora",
        happened=[
            f"The migration {about.migration_id} of {about.source} is ready for its cut-over.",
            f"All reads are served by the Aurora cluster {about.cluster_id}; all writes still go to {about.source}.",
            *facts,
        ],
        means=[
            "After your approval writes stop for a moment and move to Aurora; the application's sessions are cut once.",
            "Until then nothing changes. Without a decision within 14 days the migration is undone.",
        ],
        do=[
            "Approve:",
            operation_command("crossfade-approve", about.migration_id, about.region),
            "Reject (everything is undone, the source stays the writer):",
            operation_command("crossfade-reject", about.migration_id, about.region),
            f"Watch: {about.console_url}",
        ],
    )


def writer_moved(about: Subject, stall_ms: int, bake_days: int) -> Message:
    """The target is the writer; the bake begins."""
    return _message(
        f"{about.source}: Aurora is the writer now",
        happened=[f"Writes to {about.source} were stopped for {stall_ms} ms and go to {about.cluster_id} now."],
        means=[
            f"The bake lasts {bake_days} days.",
            f"The source {about.source} is fenced: unchanged since the cut-over, its application roles cannot log in.",
        ],
        do=["Nothing, unless the application shows errors.", f"Watch: {about.console_url}"],
    )


def completed(about: Subject, instance_id: str, retire_on: str, final_snapshot: str) -> Message:
    """The migration is finished; the source waits for its retirement date."""
    return _message(
        f"{about.source}: migration complete",
        happened=[f"{about.cluster_id} has carried {about.source} through the bake; DMS is retired."],
        means=[
            f"The source instance {instance_id} is kept, fenced and protected against deletion, until {retire_on}.",
            f"Its final snapshot is {final_snapshot}.",
        ],
        do=[f"Nothing now. You will be reminded on {retire_on}.", f"Details: {about.console_url}"],
    )


def retirement_due(about: Subject, instance_id: str, final_snapshot: str) -> Message:
    """The source may be deleted by hand: Crossfade never deletes a source."""
    modify = "aws rds modify-db-instance --no-deletion-protection --apply-immediately"
    delete = "aws rds delete-db-instance --skip-final-snapshot"
    return _message(
        f"{about.source}: the old instance may be retired",
        happened=[f"The retention of the source instance {instance_id} of migration {about.migration_id} is over."],
        means=[f"It costs money and serves nobody. Its final snapshot {final_snapshot} stays."],
        do=[
            f"Check that nothing connects to {instance_id} any more, then delete it:",
            f"{modify} --region {about.region} --db-instance-identifier {instance_id}",
            f"{delete} --region {about.region} --db-instance-identifier {instance_id}",
        ],
    )


def outcome_of(detail: Mapping[str, Any]) -> Message:
    """Takes the `detail` of EventBridge's "Step Functions Execution Status Change"."""
    execution_arn, source = detail["executionArn"], "unknown source"
    with contextlib.suppress(ValueError, AttributeError):
        source = str(json.loads(detail.get("input") or "{}").get("source", source))
    about = Subject(source, migration_id_for(source, execution_arn), execution_arn, "")
    return outcome(about, detail["status"], detail.get("error") or "", _plain_cause(detail.get("cause") or ""))


def _plain_cause(cause: str) -> str:
    """The sentence in what Lambda makes of an exception: `{"errorMessage", "errorType", "stackTrace"}`."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = json.loads(cause)
        return f"{error['errorType']}: {error['errorMessage']}"
    return cause


def outcome(about: Subject, status: str, error: str, cause: str) -> Message:
    """The execution ended: SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
    meaning, advice = _OUTCOMES.get(error if status == "FAILED" else status, _OUTCOMES["REFUSED"])
    reason = [f"Reason: {error}: {cause}"] if error or cause else []
    return _message(
        f"{about.source}: migration {_ENDINGS.get(error, status.lower().replace('_', ' '))}",
        happened=[f"The migration {about.migration_id} of {about.source} ended as {status}.", *reason],
        means=[meaning],
        do=[advice, f"Details: {about.console_url}"],
    )


_ENDINGS = {"MigrationRolledBack": "rolled back", "OperatorNeeded": "needs you", "MigrationBlocked": "refused"}
_LEFT_BEHIND = (
    "Nothing was undone. A snapshot, an Aurora cluster, DMS resources, weighted DNS records, a schedule and the claim"
    " may still exist, and the source may be fenced."
)
_START_AGAIN = (
    "Do not delete anything by hand before you know which side is the writer:"
    " read the parameter /crossfade/<source>/writer and the last finished state of the execution."
)
_OUTCOMES = {
    "SUCCEEDED": ("The plan was made, or Aurora is the writer and the migration is complete.", "Nothing."),
    "MigrationRolledBack": (
        "The source is the writer and serves all reads; what was made for the migration is gone.",
        "Remove the reason, then start the migration again.",
    ),
    "OperatorNeeded": (
        "A step that has to succeed did not. " + _LEFT_BEHIND.removeprefix("Nothing was undone. "),
        _START_AGAIN + " Remove the reason, then redrive the execution: every step may run again.",
    ),
    "TIMED_OUT": (_LEFT_BEHIND, _START_AGAIN),
    "ABORTED": (_LEFT_BEHIND, _START_AGAIN),
    "REFUSED": ("Nothing was created; the source is unchanged.", "Correct what the reason names and start again."),
}


def _message(subject: str, *, happened: list[str], means: list[str], do: list[str]) -> Message:
    parts = {"What happened": happened, "What it means": means, "What to do": do}
    body = "\n\n".join("\n".join([title, *lines]) for title, lines in parts.items())
    return Message(subject if len(subject) <= SUBJECT_LIMIT else subject[: SUBJECT_LIMIT - 1] + "…", body + "\n")
