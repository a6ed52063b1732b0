"""What on-call reads: what happened, what it means, what to do, with commands that can be run as they stand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from migration import messages
from migration.messages import Message, Subject
from migration.outcome_messages import outcome_message

ARN = "arn:aws:states:eu-west-1:123456789012:execution:crossfade-migrate:e1"
ABOUT = Subject("orders-db", "orders-db-1f0c9a2b", ARN, "orders-aurora")
LAMBDA_ERROR = json.dumps({"errorMessage": "the table x has no primary key", "errorType": "MigrationBlocked"})


def detail(status: str, error: str | None = None, cause: str | None = None, **given: Any) -> dict[str, Any]:
    return {
        "executionArn": ARN,
        "status": status,
        "input": json.dumps({"source": "orders-db", **given}),
        "error": error,
        "cause": cause,
    }


EVERY_MESSAGE = [
    messages.approval_requested(ABOUT, ["Verified: 7 rows in 2 tables are equal on both sides."]),
    messages.writer_moved(ABOUT, 84, 7),
    messages.completed(ABOUT, "orders-db", "2026-12-01", "arn:aws:rds:eu-west-1:1:snapshot:final"),
    messages.retirement_due(ABOUT, "orders-db", "arn:aws:rds:eu-west-1:1:snapshot:final"),
    *(outcome_message(detail(status)) for status in ("SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED")),
]


@pytest.mark.parametrize("message", EVERY_MESSAGE, ids=lambda message: message.subject)
def test_every_message_has_the_three_parts(message: Message) -> None:
    titles = ("What happened\n", "What it means\n", "What to do\n")
    places = [message.body.index(title) for title in titles]
    assert places == sorted(places)
    assert len(message.subject) <= 100
    assert "{" not in message.body.replace('{"migrationId"', "")


def test_the_approval_can_be_given_by_copying_a_line() -> None:
    body = messages.approval_requested(ABOUT, []).body
    assert (
        'Approve:\necho \'{"migrationId":"orders-db-1f0c9a2b"}\' | aws lambda invoke --region eu-west-1'
        " --function-name crossfade-approve --payload fileb:///dev/stdin /dev/stdout\n"
    ) in body
    assert "--function-name crossfade-reject" in body


def test_facts_are_those_the_execution_found() -> None:
    state = {"verification": {"rows": 7, "tables": 2}, "drill": {"outageSeconds": 3.2}}
    assert messages.facts(state) == [
        "Verified: 7 rows in 2 tables are equal on both sides.",
        "Failover drill: the cluster took writes again after 3.2 s.",
    ]
    assert messages.facts({}) == []


@pytest.mark.parametrize(
    ("event", "subject", "said"),
    [
        (detail("SUCCEEDED"), "succeeded", "Aurora is the writer"),
        (detail("SUCCEEDED", mode="dry-run"), "planned", "nothing was created or changed"),
        (
            detail("FAILED", "MigrationBlocked", LAMBDA_ERROR),
            "refused",
            "MigrationBlocked: the table x has no primary key",
        ),
        (detail("FAILED", "MigrationRolledBack", "x"), "rolled back", "The source is the writer"),
        (
            detail("FAILED", "OperatorNeeded", "x"),
            "needs you",
            f"redrive-execution --region eu-west-1 --execution-arn {ARN}",
        ),
        (detail("ABORTED"), "was stopped", "--name /crossfade/orders-db/writer"),
        (detail("TIMED_OUT"), "was stopped", "Values=orders-db-"),
    ],
)
def test_outcomes(event: dict[str, Any], subject: str, said: str) -> None:
    message = outcome_message(event)
    assert message.subject == f"orders-db: migration {subject}"
    assert said in message.body


@pytest.mark.parametrize("text", ["", "no JSON", "[1]", "null"])
def test_an_input_that_is_no_object_is_told_about_too(text: str) -> None:
    message = outcome_message({**detail("FAILED", "MigrationBlocked", "x"), "input": text})
    assert message.subject == "unknown source: migration refused"


def test_a_long_subject_is_cut() -> None:
    assert messages.compose("x" * 101, happened=[], means=[], do=[]).subject == "x" * 99 + "…"
