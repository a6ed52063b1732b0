"""Many scenarios at once: the table, who may run beside whom, and that one that hangs or dies counts as broken."""

import io
import os
import time
from collections.abc import Callable
from pathlib import Path

from rehearsal import every, report, suite
from rehearsal.light import Scenario, Story
from rehearsal.one import Outcome
from rehearsal.progress import Progress


def nothing(_: Story) -> None:
    """No story: how it is played is the test's."""


def scenario(name: str, *, alone: bool = False, limit_seconds: float = 30.0) -> Scenario:
    return Scenario(name, nothing, ("Complete",), alone=alone, limit_seconds=limit_seconds, build_seconds=0.0)


def played(scenarios: list[Scenario], directory: Path, how: Callable[[Scenario], None]) -> dict[str, Outcome]:
    def play(chosen: Scenario, source: str, directory: Path, say: Callable[[str], None]) -> Outcome:
        say(f"{chosen.name} in {source}, {directory.name}")
        how(chosen)
        return Outcome(chosen.name, "Complete", [], 0, 12.0, 1.0, {})

    outcomes = suite.play_all(scenarios, play, directory, Progress(io.StringIO()))
    return {outcome.name: outcome for outcome in outcomes}


def test_every_scenario_comes_to_its_outcome(tmp_path: Path) -> None:
    outcomes = played([scenario("a"), scenario("b"), scenario("c")], tmp_path, lambda _: None)
    assert [outcomes[name].broken for name in "abc"] == [[], [], []]


def test_a_scenario_that_hangs_is_ended_and_counts_as_broken(tmp_path: Path) -> None:
    hanging = [scenario("a", limit_seconds=0.3), scenario("b")]
    outcomes = played(hanging, tmp_path, lambda chosen: time.sleep(60 if chosen.name == "a" else 0))
    assert outcomes["a"].broken == ["it did not come to an end and was killed"]
    assert outcomes["b"].broken == []


def test_a_scenario_whose_process_dies_counts_as_broken(tmp_path: Path) -> None:
    outcomes = played([scenario("a")], tmp_path, lambda _: os._exit(9))
    assert outcomes["a"].broken == ["its process ended without a verdict"]


def test_a_scenario_that_is_to_be_alone_is(tmp_path: Path) -> None:
    def mark(chosen: Scenario) -> None:
        (tmp_path / f"{chosen.name}.began").write_text(str(time.monotonic()))
        time.sleep(0.2)
        (tmp_path / f"{chosen.name}.ended").write_text(str(time.monotonic()))

    played([scenario("a"), scenario("b", alone=True), scenario("c")], tmp_path, mark)
    began, ended = (
        {name: float((tmp_path / f"{name}.{what}").read_text()) for name in "abc"} for what in ("began", "ended")
    )
    assert began["b"] >= ended["a"]
    assert began["c"] >= ended["b"]


def test_the_table_has_a_line_for_each_and_says_what_is_not_known() -> None:
    good = Outcome("fail_rejected", "MigrationRolledBack", [], 0, 41.3, 9.5, {})
    bad = Outcome("fail_snapshot", "not known", ["it hung", "it lied"], None, None, 300.0, {})
    head, first, second = suite.table([good, bad]).splitlines()
    assert head.split() == ["scenario", "end", "state", "invariants", "lost", "stall", "ms", "seconds"]
    assert first.split() == ["fail_rejected", "MigrationRolledBack", "held", "0", "41", "9.5"]
    assert second.split() == ["fail_snapshot", "not", "known", "2", "BROKEN", "-", "-", "300.0"]
    page = report.of_many([good, bad])
    assert "2 scenarios; **invariants were broken:**" in page
    assert "- fail_snapshot: it lied" in page


def test_a_full_scenario_becomes_a_line_from_what_it_printed_and_wrote() -> None:
    verdict = {"outcome": "SUCCEEDED", "writes": {"lost": 0}, "write_stall_ms": {"max": 260.0}}
    assert every.full_outcome("happy_path", 0, ["fine"], verdict, 98.76) == Outcome(
        "happy_path", "SUCCEEDED", [], 0, 260.0, 98.8, verdict
    )
    broken = every.full_outcome("dry_run", 1, ["  1.0 s  BROKEN: it called rds:X"], {}, 20.0)
    assert (broken.end, broken.broken) == ("not known", ["it called rds:X"])
    assert every.full_outcome("dry_run", 1, ["Traceback", "KeyError: 'x'"], {}, 1.0).broken == [
        "it exited with 1: KeyError: 'x'"
    ]


def test_scenarios_are_found_by_file_and_by_name() -> None:
    assert [each.name for each in every.named(["fail_rejected"])] == ["fail_rejected"]
    assert every.is_full("roll_back")
    assert not every.is_full("fail_rejected")
    names = [each.name for each in every.all_light()]
    assert len(names) == len(set(names))
