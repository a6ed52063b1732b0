"""What a seed draws: always the same, always something, and told in one line."""

from rehearsal import sweep
from rehearsal.invariants import NAMED_STATES

SEEDS = range(1, 301)


def test_a_seed_draws_the_same_every_time() -> None:
    first, again = sweep.draw(17), sweep.draw(17)
    assert (first.options, first.rules, first.text) == (again.options, again.rules, again.text)
    assert len({sweep.draw(seed).text for seed in SEEDS}) > len(SEEDS) / 2


def test_a_seed_draws_one_to_four_faults_and_all_kinds_come_up() -> None:
    drawn = [sweep.draw(seed) for seed in SEEDS]
    assert {len(each.rules) + len(each.acts) for each in drawn} == {1, 2, 3, 4}
    kinds = {rule["kind"] for each in drawn for rule in each.rules}
    whats = {act.what.split(" ")[0] for each in drawn for act in each.acts}
    assert kinds == {"api", "kill"}
    assert {"crash", "replication", "stop", "abort", "approve", "reject", "roll-back", "pause"} <= whats


def test_a_scenario_of_a_seed_may_end_in_any_state_but_a_plan() -> None:
    scenario = sweep.scenario(7)
    assert scenario.name == "sweep-0007"
    assert set(scenario.ends) == NAMED_STATES - {"PlanReady"}
    assert scenario.note == sweep.draw(7).text


def test_faults_are_told_in_one_line() -> None:
    drawn = sweep.Draw({}, [{"kind": "kill", "function": "crossfade-cut-over", "skip": 4, "times": 2}])
    drawn.rules.append(
        {
            "kind": "api",
            "action": "ssm:PutParameter",
            "effect": "error",
            "code": "Throttling",
            "skip": 1,
            "times": 1,
        }
    )
    drawn.acts.append(sweep.Act("Bake", 0.5, "crash of the source", lambda it: it))
    assert drawn.text == (
        "kill crossfade-cut-over at its log line 5 ×2; error Throttling on ssm:PutParameter after 1;"
        " crash of the source in Bake"
    )
