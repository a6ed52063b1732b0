"""Which compensation each state of the machine falls back to: everything that may exist by then is undone, no less."""

import json
from pathlib import Path
from typing import Any

import pytest

STATES: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "statemachines" / "migrate.asl.json").read_text(encoding="utf-8")
)["States"]
FIRST_UNDO = {
    **dict.fromkeys(("AssessSource", "ClaimMigration"), "MigrationRefused"),
    **dict.fromkeys(("PrepareSource", "SnapshotSource", "AwaitSnapshot", "CreateTarget"), "StopReplication"),
    **dict.fromkeys(("AwaitTarget", "StartReplication", "AwaitReplication"), "StopReplication"),
    **dict.fromkeys(("VerifyData", "DrillFailover"), "StopReplication"),
    **dict.fromkeys(("ShiftReads", "RequestCutover"), "RestoreReads"),
    "CutOver": "UnfenceSource",
    **dict.fromkeys(("Bake", "Complete"), "OperatorNeeded"),
    **dict.fromkeys(("UnfenceSource", "RestoreReads", "StopReplication", "DiscardTarget"), "OperatorNeeded"),
}
CHAIN = ["UnfenceSource", "RestoreReads", "StopReplication", "DiscardTarget", "MigrationRolledBack"]


def test_every_task_has_its_undo_named_here() -> None:
    assert set(FIRST_UNDO) == {name for name, state in STATES.items() if state["Type"] == "Task"}


@pytest.mark.parametrize("name", sorted(FIRST_UNDO))
def test_a_failed_state_falls_back_to_its_undo(name: str) -> None:
    ways = {error: each["Next"] for each in STATES[name]["Catch"] for error in each["ErrorEquals"]}
    # Once the target is open there is no way back, only an operator.
    assert ways.pop("FlipIncomplete", "OperatorNeeded") == "OperatorNeeded"
    assert set(ways.values()) == {FIRST_UNDO[name]}


def test_compensations_run_newest_first() -> None:
    assert [STATES[name]["Next"] for name in CHAIN[:-1]] == CHAIN[1:]
