"""Each invariant can fail: everything is as it should be, then one thing is planted."""

import dataclasses
from typing import Any

import pytest

from rehearsal import invariants
from rehearsal.invariants import Ending, Records
from rehearsal.verdict import Probe

GOOD: dict[str, Any] = {
    "outcome": None,
    "expected_outcome": None,
    "writes": {"acknowledged": 100, "lost": 0, "duplicated": 0, "diverged_rows": 0},
    "requests": {"total": 100, "failed": 0},
    "two_writers_ms": 0.0,
    "target_opened_before_close_ms": 0.0,
    "denied_calls": [],
}
BEFORE = Records(1.0, {"source": 100}, {"source": 100})
SHIFTING = Records(2.0, {"source": 100, "target": 0}, {"source": 50, "target": 50})
AFTER = Records(3.0, {"source": 0, "target": 100}, {"source": 0, "target": 100})
MOVED = Ending(
    state="Complete",
    expected=("Complete",),
    accepting=frozenset({"target"}),
    record="target",
    published="target",
    samples=(BEFORE, SHIFTING, AFTER),
    new=frozenset({("DB cluster", "crossfade-shop-01-12345678"), ("schedule", "crossfade-remind-shop-01-12345678")}),
    message="The Aurora cluster crossfade-shop-01-12345678 is the writer.",
)
STAYED = Ending(
    state="MigrationRolledBack",
    expected=("MigrationRolledBack",),
    accepting=frozenset({"source"}),
    record="source",
    published="source",
    samples=(BEFORE, SHIFTING, BEFORE),
)


def judged(**changes: Any) -> dict[str, Any]:
    return {**GOOD, **changes}


def writes(**changes: int) -> dict[str, Any]:
    return judged(writes={**GOOD["writes"], **changes})


@pytest.mark.parametrize("ending", [MOVED, STAYED])
def test_a_good_end_breaks_nothing(ending: Ending) -> None:
    assert invariants.broken(ending, GOOD) == []


@pytest.mark.parametrize(
    ("planted", "sentence"),
    [
        (judged(two_writers_ms=12.5), "12.5 milliseconds with two writers"),
        (writes(lost=2), "2 acknowledged writes lost"),
        (writes(duplicated=1), "1 writes duplicated"),
        (writes(diverged_rows=3), "3 rows diverged"),
        (writes(acknowledged=0), "no write was acknowledged, so nothing is proved"),
        (judged(denied_calls=["a-role: rds:X"]), "1 calls denied"),
        (judged(requests={"total": 9, "failed": 4}), "4 requests failed"),
        (
            judged(target_opened_before_close_ms=3),
            "3 milliseconds in which the target took writes before it was closed",
        ),
    ],
)
def test_each_promise_about_data_is_one_sentence(planted: dict[str, Any], sentence: str) -> None:
    assert invariants.broken(MOVED, planted) == [sentence]


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"expected": ("MigrationRolledBack",)}, "the execution ended in Complete, not in MigrationRolledBack"),
        ({"accepting": frozenset()}, "at the end no side took an application's write"),
        (
            {"accepting": frozenset({"source", "target"})},
            "at the end source and target took an application's write",
        ),
        ({"record": "source"}, "the writer record leads to the source, writes are taken by the target"),
        ({"published": "source"}, "the published writer is the source, writes are taken by the target"),
        ({"slots": ("source: abc",)}, "a replication slot was left on the source: abc"),
        (
            {"message": "All is well."},
            "the DB cluster crossfade-shop-01-12345678 was left and the last message does not name it",
        ),
        (
            {"new": frozenset({("schedule", "crossfade-reads-shop-01-12345678")})},
            "the schedule crossfade-reads-shop-01-12345678 was left",
        ),
    ],
)
def test_each_promise_about_the_end_is_one_sentence(changes: dict[str, Any], sentence: str) -> None:
    assert invariants.broken(dataclasses.replace(MOVED, **changes), GOOD) == [sentence]


@pytest.mark.parametrize(
    ("samples", "sentence"),
    [
        (
            (BEFORE, Records(2.5, {"source": 100, "target": 100}, {"target": 100}), AFTER),
            "at 2.50 both sides had weight in the writer record: {'source': 100, 'target': 100}",
        ),
        (
            (BEFORE, Records(2.5, {"source": 0, "target": 0}, {"target": 100}), AFTER),
            "at 2.50 the writer record answered nothing: all weights were 0",
        ),
        (
            (BEFORE, Records(2.5, {"source": 100}, {"source": 0, "target": 0}), AFTER),
            "at 2.50 the reader record answered nothing: all weights were 0",
        ),
        (
            (BEFORE, Records(3.0, {"target": 100}, {"source": 75, "target": 25})),
            "the reader record was left with weights {'source': 75, 'target': 25}",
        ),
        (
            (BEFORE, Records(3.0, {"target": 100}, {"source": 100})),
            "the reader record was left on the source, which takes no writes",
        ),
    ],
)
def test_weights_are_looked_at_all_the_time(samples: tuple[Records, ...], sentence: str) -> None:
    assert invariants.broken(dataclasses.replace(MOVED, samples=samples), GOOD) == [sentence]


def test_an_execution_that_does_not_end_is_said_with_what_it_does() -> None:
    going_on = dataclasses.replace(STAYED, state="RUNNING in CutOver: Throttled: slow")
    assert invariants.broken(going_on, GOOD) == [
        "the execution did not end in a named state: RUNNING in CutOver: Throttled: slow"
    ]


def test_a_fence_that_stays_is_no_side_taking_writes() -> None:
    fenced = dataclasses.replace(STAYED, accepting=frozenset[str]())
    assert invariants.broken(fenced, GOOD) == ["at the end no side took an application's write"]


def test_the_longest_time_without_a_writer_is_between_two_accepted_probes_of_any_side() -> None:
    probes = [
        Probe("source", 1.0, accepted=True, at=1.0),
        Probe("source", 2.0, accepted=False, at=0.0, why="28000"),
        Probe("target", 4.5, accepted=True, at=4.5),
        Probe("target", 4.6, accepted=True, at=4.6),
    ]
    assert invariants.longest_without_writer_seconds(probes) == 3.5
    assert invariants.longest_without_writer_seconds([]) == 0.0
