"""What an operator may ask for, when, and what each wrong moment is answered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migration import aborting, bake_ending
from migration.errors import MigrationBlocked
from migration.operator_request import OperatorRequest, parse_request
from migration.recall import next_state
from migration.roll_back import roll_back
from tests.unit.operated_migration import ADA, EXECUTION_ARN, ID, MACHINE_ARN, NOW, WISH, Operated, operated

SHIFT = {"taskToken": "shift", "generation": 1, "steps": [10, 100], "intervalMinutes": 5, "weight": 10}
BAKE: dict[str, Any] = {
    "cutOver": {"stallMs": 84},
    "bake": {"taskToken": "bake", "endsAt": "2026-11-30T12:00:00+00:00"},
    "reverse": {"state": "running", "since": "2026-11-23T11:00:00+00:00"},
}
UNDO = [(MACHINE_ARN, {"undo": ID})]


@pytest.fixture
def migration(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with operated() as found:
        yield found


def abort(migration: Operated, request: OperatorRequest = ADA) -> dict[str, Any]:
    return aborting.abort(migration.ledger, migration.executions, MACHINE_ARN, request, NOW)


def go_back(migration: Operated, request: OperatorRequest = ADA) -> dict[str, Any]:
    return roll_back(migration.ledger, migration.executions, MACHINE_ARN, request, NOW)


def complete(migration: Operated) -> dict[str, Any]:
    return bake_ending.complete_early(
        migration.ledger, migration.executions, migration.schedules, MACHINE_ARN, ADA, NOW
    )


def finish(migration: Operated) -> bool:
    return bake_ending.finish_period(ID, migration.ledger, migration.executions)


@pytest.mark.parametrize("payload", [{}, {"migrationId": ""}, {"migrationId": 7}, [], None])
def test_a_payload_without_an_id(payload: Any) -> None:
    with pytest.raises(MigrationBlocked, match="The payload has no migrationId"):
        parse_request(payload)


def test_a_payload_may_say_who_and_why() -> None:
    assert parse_request({"migrationId": ID}) == OperatorRequest(ID, "an operator", "no reason was given")
    assert parse_request({"migrationId": ID, "by": "ada", "reason": "Friday", "x": 1}) == ADA


@pytest.mark.parametrize("operation", [abort, go_back, complete])
def test_an_unknown_migration(migration: Operated, operation: Any) -> None:
    with pytest.raises(MigrationBlocked, match=f"The ledger knows no migration {ID}: take the id from a message"):
        operation(migration)


@pytest.mark.parametrize("operation", [abort, go_back, complete])
@pytest.mark.parametrize(("stage", "said"), [("RolledBack", "was rolled back already"), ("Complete", "is complete")])
def test_a_migration_that_is_over(migration: Operated, operation: Any, stage: str, said: str) -> None:
    migration.remember(stage=stage, **BAKE)
    with pytest.raises(MigrationBlocked, match=said):
        operation(migration)
    assert (migration.machine.told, migration.machine.started) == ([], [])


def test_aborting_between_tasks_leaves_the_wish_for_the_next_one(migration: Operated) -> None:
    migration.remember()
    assert abort(migration) == {"abort": WISH, "next": aborting.UNDOING}
    assert migration.remembered["abort"] == WISH


def test_the_first_wish_stays(migration: Operated) -> None:
    migration.remember()
    abort(migration)
    assert abort(migration, OperatorRequest(ID, "bob", "me too"))["abort"] == WISH


@pytest.mark.parametrize(
    ("remembered", "token"),
    [
        ({"readShift": SHIFT | {"state": "running"}}, "shift"),
        ({"readShift": SHIFT | {"state": "paused"}}, "shift"),
        (
            {"readShift": SHIFT | {"state": "done"}, "approval": {"taskToken": "approval", "state": "waiting"}},
            "approval",
        ),
    ],
)
def test_aborting_wakes_who_waits(migration: Operated, remembered: dict[str, Any], token: str) -> None:
    migration.remember(**remembered)
    migration.machine.waiting = {token}
    for _ in range(2):
        assert abort(migration)["abort"] == WISH
    error = ("AbortRequested", "ada asked to stop the migration: Friday")
    assert migration.machine.told == [(token, error)]


def test_aborting_while_the_writer_moves_says_what_can_come_of_it(migration: Operated) -> None:
    migration.remember(fence={"state": "fencing"})
    assert abort(migration)["next"] == aborting.CUTTING_OVER


def test_aborting_in_the_bake_goes_back(migration: Operated) -> None:
    migration.remember(**BAKE)
    migration.machine.waiting = {"bake"}
    assert abort(migration)["rollBack"] == {"attempt": 1, **WISH}
    assert "abort" not in migration.remembered


@pytest.mark.parametrize("status", ["ABORTED", "TIMED_OUT", "FAILED"])
def test_aborting_a_dead_one_starts_the_execution_that_takes_over(migration: Operated, status: str) -> None:
    migration.remember()
    migration.die(status)
    for _ in range(2):
        assert abort(migration)["abort"] == WISH
    assert migration.machine.started == UNDO


def test_aborting_what_took_over_wakes_nobody_else(migration: Operated) -> None:
    successor = EXECUTION_ARN + "-successor"
    migration.remember(takenOverBy=successor)
    migration.die()
    migration.machine.executions[successor] = "RUNNING"
    abort(migration)
    assert migration.machine.started == []


def test_when_the_successor_failed_too_the_sentence_says_what_to_redrive(migration: Operated) -> None:
    migration.remember()
    migration.die()
    abort(migration)
    (successor,) = set(migration.machine.executions) - {EXECUTION_ARN}
    migration.machine.executions[successor] = "FAILED"
    with pytest.raises(MigrationBlocked, match=f"redrive-execution --region eu-west-1 --execution-arn {successor}"):
        abort(migration)


def test_aborting_what_never_began(migration: Operated) -> None:
    migration.remember(preparation=None)
    migration.die("FAILED")
    with pytest.raises(MigrationBlocked, match="ended before it changed anything"):
        abort(migration)
    assert "abort" not in migration.remembered


def test_aborting_what_aws_has_forgotten(migration: Operated) -> None:
    migration.remember()
    migration.machine.executions.clear()
    with pytest.raises(MigrationBlocked, match="AWS knows no end of the execution"):
        abort(migration)


def test_going_back_before_the_cut_over(migration: Operated) -> None:
    migration.remember()
    with pytest.raises(MigrationBlocked, match="has not moved, so there is nothing to go back from"):
        go_back(migration)


def test_going_back_twice_is_one_attempt(migration: Operated) -> None:
    migration.remember(**BAKE)
    migration.machine.waiting = {"bake"}
    for _ in range(2):
        assert go_back(migration)["rollBack"] == {"attempt": 1, **WISH}
    assert migration.machine.told == [("bake", ("RollBackRequested", "ada asked to go back to the source: Friday"))]
    assert migration.remembered["bake"]["ending"] == "rollBack"


def test_an_answer_that_got_lost_is_given_by_the_second_call(migration: Operated) -> None:
    migration.remember(**BAKE)
    go_back(migration)
    migration.machine.waiting = {"bake"}
    go_back(migration)
    assert [token for token, _ in migration.machine.told] == ["bake"]
    assert migration.remembered["rollBack"]["attempt"] == 1


@pytest.mark.parametrize(
    ("reverse", "said"),
    [
        ({"state": "broken", "since": "2026-11-24T10:00:00+00:00"}, "is broken since 2026-11-24T10:00:00"),
        ({"state": "prepared"}, "is prepared: going back would lose writes"),
        (None, "is not prepared: going back would lose writes"),
    ],
)
def test_without_a_way_back_nobody_goes(migration: Operated, reverse: Any, said: str) -> None:
    migration.remember(**{**BAKE, "reverse": reverse})
    migration.machine.waiting = {"bake"}
    for status in ("RUNNING", "FAILED"):
        migration.die(status)
        with pytest.raises(MigrationBlocked, match=said):
            go_back(migration)
    assert (migration.machine.told, migration.machine.started) == ([], [])
    assert "rollBack" not in migration.remembered


def test_going_back_before_the_bake_waits(migration: Operated) -> None:
    migration.remember(**{**BAKE, "bake": None})
    with pytest.raises(MigrationBlocked, match="is not in its bake"):
        go_back(migration)


def test_a_bake_that_was_entered_again_can_be_left_again(migration: Operated) -> None:
    """After UnfenceTarget: the second attempt has a number of its own."""
    migration.remember(**BAKE)
    go_back(migration)
    migration.remember(bake={"taskToken": "again", "endsAt": "2026-11-30T12:00:00+00:00"})
    migration.machine.waiting = {"again"}
    assert go_back(migration)["rollBack"]["attempt"] == 2


def test_going_back_from_a_dead_execution(migration: Operated) -> None:
    migration.remember(**BAKE)
    migration.die("FAILED")
    for _ in range(2):
        assert go_back(migration)["rollBack"]["attempt"] == 1
    assert migration.machine.started == UNDO


def test_going_back_again_where_an_undone_attempt_died(migration: Operated) -> None:
    """SwitchBack was undone, and the execution failed before its Bake began again."""
    migration.remember(**BAKE)
    go_back(migration)
    migration.remember(switchBack={"fence": {"state": "unfenced", "attempt": 1}})
    migration.die("FAILED")
    assert go_back(migration)["rollBack"]["attempt"] == 2
    assert migration.machine.started == UNDO


def test_a_successor_that_goes_back_is_not_asked_for_a_second_attempt(migration: Operated) -> None:
    migration.remember(**BAKE)
    migration.die("FAILED")
    go_back(migration)
    successor = EXECUTION_ARN + "-successor"
    migration.machine.executions[successor] = "RUNNING"
    migration.remember(takenOverBy=successor)
    assert go_back(migration)["rollBack"]["attempt"] == 1


def test_completing_early_twice_and_the_schedule_that_fires_all_the_same(migration: Operated) -> None:
    migration.remember(**BAKE)
    migration.machine.waiting = {"bake"}
    for _ in range(2):
        assert complete(migration) == {"completion": WISH}
    assert migration.machine.told == [("bake", {"endsAt": WISH["at"], "endedBy": "ada"})]
    assert finish(migration) is False


def test_completing_from_a_dead_execution(migration: Operated) -> None:
    migration.remember(**BAKE)
    migration.die("FAILED")
    for _ in range(2):
        assert complete(migration) == {"completion": WISH}
    assert migration.machine.started == UNDO
    assert next_state(migration.remembered) == "Complete"


def test_completing_before_the_bake(migration: Operated) -> None:
    migration.remember()
    with pytest.raises(MigrationBlocked, match="is not in its bake: crossfade-status says where it is"):
        complete(migration)


def test_who_comes_first_decides_how_the_bake_ends(migration: Operated) -> None:
    migration.remember(**BAKE)
    go_back(migration)
    with pytest.raises(MigrationBlocked, match="is being rolled back already"):
        complete(migration)
    assert finish(migration) is False
    migration.remember(**BAKE)
    complete(migration)
    migration.remember(reverse={"state": "retired"})
    with pytest.raises(MigrationBlocked, match=f"The bake of the migration {ID} is over already"):
        go_back(migration)


def test_the_bake_ends_once_and_only_if_somebody_waits(migration: Operated) -> None:
    assert finish(migration) is False
    migration.remember(**BAKE)
    migration.machine.waiting = {"bake"}
    assert [finish(migration), finish(migration)] == [True, False]
    assert migration.machine.told == [("bake", {"endsAt": "2026-11-30T12:00:00+00:00"})]
