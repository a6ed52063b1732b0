"""What on-call reads when an execution has ended: each end in its own words."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration.endings import parse_ending
from migration.messages import Message
from migration.model import migration_id_for
from migration.outcome_messages import ended_by_design, outcome_message

EXECUTIONS = "arn:aws:states:eu-west-1:123456789012:execution:crossfade-migrate"
ARN = f"{EXECUTIONS}:e1"
ID = migration_id_for("orders-db", ARN)
LAMBDA_ERROR = json.dumps({"errorMessage": "the table x has no primary key", "errorType": "MigrationBlocked"})
PLAN = {"source": {"name": "orders-db"}, "target": {"clusterId": "orders-aurora"}, "executionArn": ARN}
START = (
    "start-execution --region eu-west-1 --state-machine-arn"
    f""" arn:aws:states:eu-west-1:123456789012:stateMachine:crossfade-migrate --input '{{"undo":"{ID}"}}'"""
)
KNOWN = {"context": {"plan": PLAN}, "preparation": {}}
MOVED = {**KNOWN, "cutOver": {"stallMs": 1}, "readShift": {"weight": 100}, "reverse": {"state": "running"}}
BACK = {**MOVED, "rollBack": {"attempt": 1}}


def told(
    status: str,
    error: str | None = None,
    cause: str | None = None,
    known: dict[str, Any] | None = None,
    **given: Any,
) -> Message:
    asked = given if "undo" in given else {"source": "orders-db", **given}
    detail = {"executionArn": ARN, "status": status, "error": error, "cause": cause, "stopDate": 1795478400123}
    ending = parse_ending(detail, json.dumps(asked))
    return outcome_message(ending, known or {}, "arn:claim", "" if ended_by_design(ending) else "Complete")


ENDS = {
    "complete": (told("SUCCEEDED"), "succeeded", "Aurora is the writer"),
    "planned": (told("SUCCEEDED", mode="dry-run"), "planned", "nothing was created or changed"),
    "refused": (
        told("FAILED", "MigrationRefused", LAMBDA_ERROR),
        "refused",
        "MigrationBlocked: the table x has no primary key",
    ),
    "not taken over": (told("FAILED", "MigrationRefused", "x", undo=ID), "was not taken over", "has changed nothing"),
    "rolled back": (
        told("FAILED", "MigrationRolledBack", "x", KNOWN),
        "rolled back",
        "what was made for the migration is gone",
    ),
    "target kept": (
        told("FAILED", "MigrationRolledBack", "x", MOVED),
        "rolled back, target kept",
        "aws rds delete-db-cluster --region eu-west-1 --db-cluster-identifier orders-aurora --skip-final-snapshot",
    ),
    "failed": (
        told("FAILED", "RetirementPending", "x", MOVED),
        "needs you",
        f"redrive-execution --region eu-west-1 --execution-arn {ARN}",
    ),
    "undo failed": (told("FAILED", "Throttled", "x", KNOWN, undo=ID), "needs you", "The state Complete has to succeed"),
    "undo broken": (told("FAILED", "States.Runtime", "x", KNOWN, undo=ID), "needs you", "arn:claim"),
    "superseded": (
        told("FAILED", "AbortRequested", "x", {**MOVED, "takenOverBy": "arn:other"}),
        "is driven by another execution",
        "Follow arn:other",
    ),
    "stopped": (told("ABORTED", known=KNOWN), "was stopped", f"takes over: {EXECUTIONS}:undo-{ID}-"),
    "timed out": (told("TIMED_OUT", known=BACK), "was stopped", "on its way back from orders-aurora to orders-db"),
    "broken": (told("FAILED", "States.DataLimitExceeded", known=MOVED), "was stopped", START),
    "nothing left": (told("ABORTED"), "was stopped", "there is nothing to undo"),
    "over": (told("ABORTED", known={**KNOWN, "stage": "Complete"}), "was stopped", "there is nothing to undo"),
}


@pytest.mark.parametrize("end", ENDS)
def test_each_end_in_its_own_words(end: str) -> None:
    message, subject, said = ENDS[end]
    assert message.subject == f"orders-db: migration {subject}" or (
        end == "not taken over" and subject in message.subject
    )
    assert said in message.body


@pytest.mark.parametrize("end", ENDS)
def test_each_has_the_three_parts_and_leads_to_its_page(end: str) -> None:
    message = ENDS[end][0]
    places = [message.body.index(title) for title in ("What happened\n", "What it means\n", "What to do\n")]
    assert places == sorted(places)
    assert "{" not in message.body.replace('{"undo"', "")
    assert message.body.rstrip().splitlines()[-1].startswith("Runbook: docs/runbook/")


@pytest.mark.parametrize(
    ("known", "said"),
    [
        (KNOWN, "orders-db is the writer."),
        ({**KNOWN, "fence": {"state": "fencing"}}, "orders-db may be fenced in the middle of the cut-over"),
        ({**KNOWN, "readShift": {"weight": 25}}, "25 % of the reads go to orders-aurora."),
        (MOVED, "Aurora (orders-aurora) is the writer; orders-db is fenced."),
        (MOVED, "The replication back to orders-db is running."),
        (KNOWN, "The source is claimed by arn:claim"),
    ],
)
def test_what_is_left_is_named(known: dict[str, Any], said: str) -> None:
    assert said in told("FAILED", "Throttled", "x", known).body


def test_one_that_was_taken_over_already_names_its_successor() -> None:
    assert "takes over: arn:other" in told("ABORTED", known={**KNOWN, "takenOverBy": "arn:other"}).body
