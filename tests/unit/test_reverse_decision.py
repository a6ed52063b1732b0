"""When the way back is broken, when it works again, and when nobody has to be told."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from typing import Any

import pytest

from migration.reverse_decision import Action, Look, decide
from migration.reverse_slot import SlotHealth

WELL = Look(
    task_status="running",
    task_arn="arn:aws:dms:eu-west-1:1:task:A",
    why="",
    slot=SlotHealth("0/1A2B3C8", is_lost=False, behind_bytes=56),
    arrived=datetime(2026, 11, 23, 12, 4, 4, tzinfo=UTC),
    equal_until=datetime(2026, 11, 23, 12, 3, 4, tzinfo=UTC),
    seconds_behind=0.2,
    missing=0,
    problem="",
)
LOST = SlotHealth("0/1A2B3C8", is_lost=True, behind_bytes=56)


def look(**changes: Any) -> Look:
    return dataclasses.replace(WELL, **changes)


def test_nothing_to_say_while_it_works() -> None:
    assert decide("running", WELL, was_final=False) == (Action.NONE, "")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"task_status": "failed", "why": " (Last Error)"}, "its DMS task is failed (Last Error)."),
        ({"task_status": ""}, "its DMS task does not exist any more."),
        ({"slot": None}, "its replication slot on the target does not exist any more."),
        ({"slot": LOST}, "the target has thrown away log"),
        ({"seconds_behind": 301.0}, "the source is 301 s behind: its DMS task runs, but nothing arrives."),
        ({"missing": 5, "problem": "it cannot be reached"}, "the source is 0 s behind: it cannot be reached."),
    ],
)
def test_what_breaks_it_is_told_once(changes: dict[str, Any], reason: str) -> None:
    action, why = decide("running", look(**changes), was_final=False)
    assert action is Action.BROKEN
    assert why.startswith(reason)
    final = look(**changes).is_final
    assert decide("broken", look(**changes), was_final=final)[0] is Action.NONE


@pytest.mark.parametrize("changes", [{"seconds_behind": 299.0}, {"missing": 4}, {"task_status": "starting"}])
def test_a_slow_minute_is_no_breakage(changes: dict[str, Any]) -> None:
    assert decide("running", look(**changes), was_final=False) == (Action.NONE, "")


def test_it_has_recovered_when_everything_arrived() -> None:
    assert decide("broken", WELL, was_final=False) == (Action.RECOVERED, "")


@pytest.mark.parametrize("changes", [{"task_status": "starting"}, {"missing": 1}, {"seconds_behind": 61.0}])
def test_it_has_not_recovered_before(changes: dict[str, Any]) -> None:
    assert decide("broken", look(**changes), was_final=False) == (Action.NONE, "")


def test_what_was_lost_for_good_does_not_recover() -> None:
    assert decide("broken", WELL, was_final=True) == (Action.NONE, "")


@pytest.mark.parametrize("slot", [None, LOST])
def test_a_breakage_that_becomes_final_is_told_again(slot: SlotHealth | None) -> None:
    stopped = look(task_status="stopped", slot=slot)
    assert decide("broken", stopped, was_final=False)[0] is Action.BROKEN
