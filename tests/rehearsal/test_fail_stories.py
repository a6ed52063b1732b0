"""The stories of deaths and stops name every step and every state there is."""

import json
from pathlib import Path

from migration import cut_over_steps
from rehearsal.scenarios import fail_cut_over_killed, fail_stopped, fail_switch_back_killed

ROOT = Path(__file__).resolve().parents[2]
# Nothing was changed yet in the first; the others can only be stopped in the execution that takes over, or need a fault
# of their own before: UnfenceTarget and the two Finish states are reached by the stories of deaths and of DNS.
NOT_STOPPED = {"AssessSource", "RecallMigration", "LetWorkEnd", "UnfenceTarget", "FinishCutOver", "FinishSwitchBack"}


def test_the_cut_over_is_killed_at_each_of_its_steps() -> None:
    steps = (*cut_over_steps.PREPARE, *cut_over_steps.STALL, *cut_over_steps.FINISH)
    assert tuple(step.name for step in steps) == fail_cut_over_killed.STEPS


def test_the_switch_back_is_killed_at_each_of_its_steps() -> None:
    steps = (*cut_over_steps.PREPARE_BACK, *cut_over_steps.STALL_BACK, *cut_over_steps.FINISH_BACK)
    assert tuple(step.name for step in steps) == fail_switch_back_killed.STEPS


def test_an_execution_is_stopped_in_each_of_its_states() -> None:
    machine = json.loads((ROOT / "statemachines" / "migrate.asl.json").read_text())
    working = {name for name, state in machine["States"].items() if state["Type"] in ("Task", "Wait")}
    stopped = {scenario.name.removeprefix("fail_stopped_") for scenario in fail_stopped.SCENARIOS}
    assert working - NOT_STOPPED == stopped
