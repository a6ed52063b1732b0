"""What on-call reads: what happened, what it means, what to do, with commands that can be run as they stand."""

from __future__ import annotations

import pytest

from migration import messages
from migration.messages import Message, Subject

ARN = "arn:aws:states:eu-west-1:123456789012:execution:crossfade-migrate:e1"
ABOUT = Subject("orders-db", "orders-db-1f0c9a2b", ARN, "orders-aurora")
EVERY_MESSAGE = [
    messages.approval_requested(ABOUT, ["Verified: 7 rows in 2 tables are equal on both sides."]),
    messages.writer_moved(ABOUT, 84, 7),
    messages.completed(ABOUT, "orders-db", "2026-12-01", "arn:aws:rds:eu-west-1:1:snapshot:final"),
    messages.retirement_due(ABOUT, "orders-db", "arn:aws:rds:eu-west-1:1:snapshot:final"),
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


def test_going_back_is_offered_only_where_it_loses_nothing() -> None:
    assert "--function-name crossfade-roll-back" in messages.writer_moved(ABOUT, 84, 7).body
    alone = messages.writer_moved(ABOUT, 84, 7, has_way_back=False).body
    assert "crossfade-roll-back" not in alone
    assert "it lacks every write made on Aurora" in alone


def test_a_long_subject_is_cut() -> None:
    assert messages.compose("x" * 101, happened=[], means=[], do=[]).subject == "x" * 99 + "…"
