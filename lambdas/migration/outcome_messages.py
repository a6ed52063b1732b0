"""What on-call reads when an execution has ended. Pure."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration.messages import Message, Subject, compose
from migration.model import migration_id_for
from migration.names import MIGRATION_TAG


@dataclass(frozen=True)
class Outcome:
    """How an execution ended. `status` is SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""

    about: Subject
    status: str
    error: str
    cause: str
    is_dry_run: bool

    @property
    def kind(self) -> str:
        """What decides the text: a failure's error, else the status. An error we do not know refused the start."""
        if self.status == "SUCCEEDED":
            return "PlanReady" if self.is_dry_run else "Complete"
        if self.status != "FAILED":
            return "Stopped"
        return self.error if self.error in ("MigrationRolledBack", "OperatorNeeded") else "Refused"


def outcome_message(detail: Mapping[str, Any]) -> Message:
    """Takes the `detail` of EventBridge's "Step Functions Execution Status Change"."""
    outcome = _parse(detail)
    ending, meaning, advice = _TEXTS[outcome.kind]
    about = outcome.about
    reason = [f"Reason: {outcome.error}: {outcome.cause}"] if outcome.error or outcome.cause else []
    names = {"source": about.source, "arn": about.execution_arn, "region": about.region, "id": about.migration_id}
    return compose(
        f"{about.source}: migration {ending}",
        happened=[f"The migration {about.migration_id} of {about.source} ended as {outcome.status}.", *reason],
        means=[meaning],
        do=[*(line.format(**names, tag=MIGRATION_TAG) for line in advice), f"Details: {about.console_url}"],
    )


def _parse(detail: Mapping[str, Any]) -> Outcome:
    arn, given = detail["executionArn"], dict[str, Any]()
    with contextlib.suppress(ValueError, TypeError):
        given = dict(json.loads(detail.get("input") or "{}"))
    source = str(given.get("source", "unknown source"))
    return Outcome(
        Subject(source, migration_id_for(source, arn), arn, ""),
        detail["status"],
        detail.get("error") or "",
        _sentence(detail.get("cause") or ""),
        given.get("mode") == "dry-run",
    )


def _sentence(cause: str) -> str:
    """The message in what Lambda makes of an exception: `{"errorMessage", "errorType", "stackTrace"}`."""
    with contextlib.suppress(ValueError, KeyError, TypeError):
        error = json.loads(cause)
        return f"{error['errorType']}: {error['errorMessage']}"
    return cause


_LEFT = (
    "A snapshot, an Aurora cluster, DMS resources, weighted DNS records, a schedule and the claim may still exist,"
    " and the source may be fenced."
)
_LOOK = (
    "Delete nothing before you know which side is the writer:",
    "aws ssm get-parameter --region {region} --name /crossfade/{source}/writer --query Parameter.Value --output text",
    "What exists of this migration:",
    "aws resourcegroupstaggingapi get-resources --region {region} --tag-filters Key={tag},Values={id}",
)
_REDRIVE = (
    "Remove the reason, then let the execution go on where it stopped; every step may run again:",
    "aws stepfunctions redrive-execution --region {region} --execution-arn {arn}",
)
_TEXTS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "Complete": ("succeeded", "Aurora is the writer and the migration is complete.", ("Nothing.",)),
    "PlanReady": (
        "planned",
        "This was a dry run: the plan is the execution's output, nothing was created or changed.",
        (
            "Read the plan and its warnings:",
            "aws stepfunctions describe-execution --region {region} --execution-arn {arn} --query output --output text",
        ),
    ),
    "Refused": (
        "refused",
        "Nothing was created; the source is unchanged.",
        ("Correct what the reason names and start again.",),
    ),
    "MigrationRolledBack": (
        "rolled back",
        "The source is the writer and serves all reads; what was made for the migration is gone.",
        ("Remove the reason, then start the migration again.",),
    ),
    "OperatorNeeded": ("needs you", f"A step that has to succeed did not. {_LEFT}", (*_LOOK, *_REDRIVE)),
    "Stopped": ("was stopped", f"Nothing was undone. {_LEFT}", (*_LOOK, *_REDRIVE)),
}
