"""What on-call reads. Pure. Every message says what happened, what it means and what to do, with complete commands."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

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


def runbook(page: str) -> str:
    """The line that leads to a page of docs/runbook, the last one under "What to do"."""
    return f"Runbook: docs/runbook/{page}.md"


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
    return compose(
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
            "Stop it at any later moment; once Aurora is the writer this goes back:",
            operation_command("crossfade-abort", about.migration_id, about.region),
            *_watching(about),
            runbook("approval-requested"),
        ],
    )


def writer_moved(about: Subject, stall_ms: int, bake_days: int, *, has_way_back: bool = True) -> Message:
    """The target is the writer; the bake begins."""
    if has_way_back:
        meaning = "Replication back brings it every write made on Aurora, so that going back loses nothing."
        advice = [
            "Nothing, unless the application shows errors. Then go back:",
            operation_command("crossfade-roll-back", about.migration_id, about.region),
        ]
    else:
        meaning = "Replication back does not run, so it lacks every write made on Aurora: see the message about that."
        advice = ["Bring the way back to work, as the message about it says."]
    return compose(
        f"{about.source}: Aurora is the writer now",
        happened=[f"Writes to {about.source} were stopped for {stall_ms} ms and go to {about.cluster_id} now."],
        means=[
            f"The bake lasts {bake_days} days.",
            f"The source {about.source} is fenced: its application roles cannot log in.",
            meaning,
        ],
        do=[
            *advice,
            "End the bake before its time, when nobody will want to go back:",
            operation_command("crossfade-complete-early", about.migration_id, about.region),
            *_watching(about),
            runbook("writer-moved"),
        ],
    )


def completed(about: Subject, instance_id: str, retire_on: str, final_snapshot: str) -> Message:
    """The migration is finished; the source waits for its retirement date."""
    return compose(
        f"{about.source}: migration complete",
        happened=[f"{about.cluster_id} has carried {about.source} through the bake; DMS is retired."],
        means=[
            f"The source instance {instance_id} is kept, fenced and protected against deletion, until {retire_on}.",
            f"Its final snapshot is {final_snapshot}.",
        ],
        do=[
            f"Nothing now. You will be reminded on {retire_on}.",
            f"Details: {about.console_url}",
            runbook("complete"),
        ],
    )


def retirement_due(about: Subject, instance_id: str, final_snapshot: str) -> Message:
    """The source may be deleted by hand: Crossfade never deletes a source."""
    modify = "aws rds modify-db-instance --no-deletion-protection --apply-immediately"
    delete = "aws rds delete-db-instance --skip-final-snapshot"
    return compose(
        f"{about.source}: the old instance may be retired",
        happened=[f"The retention of the source instance {instance_id} of migration {about.migration_id} is over."],
        means=[f"It costs money and serves nobody. Its final snapshot {final_snapshot} stays."],
        do=[
            f"Check that nothing connects to {instance_id} any more, then delete it:",
            f"{modify} --region {about.region} --db-instance-identifier {instance_id}",
            f"{delete} --region {about.region} --db-instance-identifier {instance_id}",
            runbook("retirement-due"),
        ],
    )


def _watching(about: Subject) -> list[str]:
    status = operation_command("crossfade-status", about.migration_id, about.region)
    return ["Where it is and what comes next:", status, f"Watch: {about.console_url}"]


def compose(subject: str, *, happened: list[str], means: list[str], do: list[str]) -> Message:
    """A message in the one form all have; a subject that is too long ends in …"""
    parts = {"What happened": happened, "What it means": means, "What to do": do}
    body = "\n\n".join("\n".join([title, *lines]) for title, lines in parts.items())
    return Message(subject if len(subject) <= SUBJECT_LIMIT else subject[: SUBJECT_LIMIT - 1] + "…", body + "\n")
