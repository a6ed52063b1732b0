"""Every way the machine may take, named.

What fails before the cut-over is undone newest first, what fails after it goes forward or switches back, and what may
not fail has no Catch, so that a redrive enters that very state again.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

STATES: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "statemachines" / "migrate.asl.json").read_text(encoding="utf-8")
)["States"]
FORWARD = [
    *("AssessSource", "ClaimMigration", "PrepareSource", "SnapshotSource", "AwaitSnapshot", "CreateTarget"),
    *("AwaitTarget", "StartReplication", "AwaitReplication", "VerifyData", "DrillFailover", "PrepareReverse"),
    *("ShiftReads", "RequestCutover", "CutOver", "Bake", "Complete"),
]
UNDO = ["UnfenceSource", "RestoreReads", "StopReplication", "DiscardTarget", "MigrationRolledBack"]
EVERYTHING = "States.ALL"
# State → error → what comes next. Whoever is missing here has no Catch: it fails, and a redrive goes on from it.
REFUSED = {"MigrationBlocked": "MigrationRefused", EVERYTHING: "MigrationRefused"}
NOTHING_SHIFTED = {"AbortRequested": "StopReplication", EVERYTHING: "StopReplication"}
READS_SHIFTED = {"AbortRequested": "RestoreReads", EVERYTHING: "RestoreReads"}
WAYS: dict[str, dict[str, str]] = {
    **dict.fromkeys(FORWARD[:2], REFUSED),
    **dict.fromkeys(FORWARD[2:12], NOTHING_SHIFTED),
    "VerifyData": {"VerificationFailed": "StopReplication", **NOTHING_SHIFTED},
    "ShiftReads": {"GateBroken": "RestoreReads", **READS_SHIFTED},
    "RequestCutover": {"CutoverRejected": "RestoreReads", **READS_SHIFTED},
    "CutOver": {
        "FlipIncomplete": "FinishCutOver",
        **dict.fromkeys(("CutOverUndone", "SourceBusy", "AbortRequested", EVERYTHING), "UnfenceSource"),
    },
    "UnfenceSource": {"TargetAlreadyOpen": "FinishCutOver"},
    "Bake": {"RollBackRequested": "SwitchBack"},
    "SwitchBack": {"FlipIncomplete": "FinishSwitchBack", EVERYTHING: "UnfenceTarget"},
    "UnfenceTarget": {"SourceAlreadyOpen": "FinishSwitchBack"},
    "RecallMigration": {"MigrationBlocked": "MigrationRefused"},
}
# Where the writer may have moved or be moving: nothing that closes or deletes the target may be reached by a failure.
AFTER_THE_CUT_OVER = {"FinishCutOver", "Bake", "Complete", "SwitchBack", "UnfenceTarget"}


def caught(name: str) -> dict[str, str]:
    rules = STATES[name].get("Catch", [])
    return {error: rule["Next"] for rule in rules for error in rule["ErrorEquals"]}


def onward(name: str) -> Iterator[str]:
    """Where the state may lead, whatever happens."""
    state = STATES[name]
    rules = (state, *state.get("Choices", []), *state.get("Catch", []))
    yield from (rule["Next"] for rule in rules if "Next" in rule)
    if "Default" in state:
        yield state["Default"]


@pytest.mark.parametrize("name", sorted(STATES))
def test_a_failed_state_takes_the_ways_named_here_and_no_other(name: str) -> None:
    assert caught(name) == WAYS.get(name, {})


def test_only_states_that_exist_are_named() -> None:
    assert {*WAYS, *FORWARD, *UNDO} <= set(STATES)


def test_all_goes_forward_in_this_order() -> None:
    successors = {name: STATES[name].get("Next") for name in FORWARD}
    assert STATES["IsUndo"]["Default"] == FORWARD[0]
    [dry_run] = STATES["IsDryRun"]["Choices"]
    assert dry_run == {"Variable": "$.plan.options.mode", "StringEquals": "dry-run", "Next": "PlanReady"}
    assert STATES["IsDryRun"]["Default"] == FORWARD[1]
    assert successors.pop("AssessSource") == "IsDryRun"
    assert [successors[name] for name in FORWARD[1:-1]] == FORWARD[2:]
    assert STATES["Complete"]["End"] is True


def test_compensations_run_newest_first() -> None:
    choice = STATES["HasSwitchedBack"]
    following = {**{name: STATES[name].get("Next") for name in UNDO}, "StopReplication": choice["Default"]}
    assert STATES["StopReplication"]["Next"] == "HasSwitchedBack"
    assert [(name, following[name]) for name in UNDO[:-1]] == list(pairwise(UNDO))


def test_no_catch_skips_an_undo() -> None:
    """A state's failure enters the chain no later than that of any state before it."""
    entered = [min(UNDO.index(each) for each in caught(name).values() if each in UNDO) for name in FORWARD[2:15]]
    assert entered == sorted(entered, reverse=True)
    # Each undo is first entered from the first state that makes what it undoes.
    assert FORWARD[2 + entered.index(UNDO.index("RestoreReads"))] == "ShiftReads"
    assert FORWARD[2 + entered.index(UNDO.index("UnfenceSource"))] == "CutOver"


@pytest.mark.parametrize("name", sorted(AFTER_THE_CUT_OVER))
def test_after_the_cut_over_there_is_only_forward_or_switch_back(name: str) -> None:
    assert set(onward(name)) <= AFTER_THE_CUT_OVER | {"RestoreReads", "FinishSwitchBack"}
    # Whoever is the writer, the bake goes on until it is over or the source has opened.
    assert STATES[name].get("Next") == {"Bake": "Complete", "SwitchBack": "RestoreReads", "Complete": None}.get(
        name, "Bake"
    )


def test_only_a_finished_way_back_leads_from_the_target_to_the_compensations() -> None:
    """And there the target is kept: HasSwitchedBack asks for the result that only these two states leave."""
    entering = {name for name in STATES if "RestoreReads" in onward(name)}
    assert entering == {"ShiftReads", "RequestCutover", "UnfenceSource", "HowFar", "SwitchBack", "FinishSwitchBack"}
    assert STATES["SwitchBack"]["Next"] == STATES["FinishSwitchBack"]["Next"] == "RestoreReads"
    [kept] = STATES["HasSwitchedBack"]["Choices"]
    assert kept == {"Variable": "$.switchBack", "IsPresent": True, "Next": "KeepTarget"}
    assert {name for name in STATES if STATES[name].get("ResultPath") == "$.switchBack"} == {
        "SwitchBack",
        "FinishSwitchBack",
    }
    assert STATES["KeepTarget"]["Next"] == "MigrationRolledBack"


def test_a_failure_never_stands_where_a_result_decides() -> None:
    """A Catch that wrote `$.switchBack` would keep a target that has to go, or the other way round."""
    paths = {rule["ResultPath"] for state in STATES.values() for rule in state.get("Catch", [])}
    assert paths == {"$.failure", "$.switchBackFailure"}


def test_a_recalled_migration_enters_the_machine_only_at_these_states() -> None:
    ways = {rule["StringEquals"]: rule["Next"] for rule in STATES["HowFar"]["Choices"]}
    assert ways == {name: name for name in ("SwitchBack", "FinishCutOver", "UnfenceSource", "RestoreReads", "Complete")}
    assert STATES["HowFar"]["Default"] == "LetWorkEnd"
    assert STATES["LetWorkEnd"]["Next"] == "StopReplication"
    assert STATES["RecallMigration"]["Next"] == "HowFar"
    assert STATES["IsUndo"]["Choices"] == [{"Variable": "$.undo", "IsPresent": True, "Next": "RecallMigration"}]
    assert [name for name in STATES if "RecallMigration" in onward(name)] == ["IsUndo"]
