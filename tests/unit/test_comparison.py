"""Two sides are equal when and only when no bucket differs for good."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from migration.comparison import (
    BUCKETS,
    SETTLED_ROUNDS,
    Digest,
    TableComparison,
    Verdict,
    differences,
    from_mask,
    progress,
    to_mask,
)

TABLE = ("public", "orders")
DIGEST = st.builds(Digest, st.integers(0, 5), st.integers(-3, 3))
SIDE = st.dictionaries(st.integers(0, 7), DIGEST, max_size=8)


def test_equal_tables_are_proven_in_one_round() -> None:
    comparison = TableComparison(TABLE)
    comparison.add_round({3: Digest(2, 77)}, {3: Digest(2, 77)})
    assert comparison.verdict is Verdict.EQUAL
    assert (comparison.rows, comparison.unproven) == (2, [])


def test_an_empty_table_is_equal() -> None:
    comparison = TableComparison(TABLE)
    comparison.add_round({}, {})
    assert comparison.verdict is Verdict.EQUAL


def test_a_change_on_its_way_is_no_difference() -> None:
    comparison = TableComparison(TABLE)
    comparison.add_round({3: Digest(2, 77)}, {3: Digest(1, 70)})
    assert comparison.verdict.value == "unstable"
    assert comparison.unproven == [3]
    comparison.add_round({3: Digest(2, 77)}, {3: Digest(2, 77)})
    assert comparison.verdict is Verdict.EQUAL


def test_a_target_that_is_one_change_behind_all_the_time_is_proven_by_what_the_source_was() -> None:
    comparison = TableComparison(TABLE, [3])
    comparison.add_round({3: Digest(1, 10)}, {3: Digest(1, 9)})
    comparison.add_round({3: Digest(1, 11)}, {3: Digest(1, 10)})
    assert comparison.verdict is Verdict.EQUAL


def test_a_difference_that_stays_is_named_with_its_counts() -> None:
    comparison = TableComparison(TABLE)
    for _ in range(SETTLED_ROUNDS):
        assert comparison.verdict is not Verdict.DIFFERENT
        comparison.add_round({3: Digest(2, 77), 4: Digest(1, 1)}, {3: Digest(1, 70), 4: Digest(1, 1)})
    assert comparison.verdict is Verdict.DIFFERENT
    expected = "public.orders differs in 1 of 256 buckets: 2 rows there on the source, 1 on the target"
    assert differences([comparison]) == expected


def test_a_row_that_is_only_on_the_target_is_a_difference() -> None:
    comparison = TableComparison(TABLE, [9])
    for _ in range(SETTLED_ROUNDS):
        comparison.add_round({}, {9: Digest(1, 5)})
    assert comparison.verdict is Verdict.DIFFERENT


def test_progress_tells_what_is_left() -> None:
    equal, open_table = TableComparison(TABLE, []), TableComparison(("public", "lines"), [1, 2])
    assert progress([equal, open_table]) == "verified 1 of 2 tables; public.lines: 2 of 256 buckets still differ"


@given(SIDE)
def test_the_same_digests_are_always_equal(side: dict[int, Digest]) -> None:
    comparison = TableComparison(TABLE, range(8))
    comparison.add_round(side, dict(side))
    assert comparison.verdict is Verdict.EQUAL


@given(SIDE, SIDE)
def test_two_sides_that_stand_still_get_a_true_verdict(source: dict[int, Digest], target: dict[int, Digest]) -> None:
    comparison = TableComparison(TABLE, range(8))
    for _ in range(SETTLED_ROUNDS):
        comparison.add_round(source, target)
    same = all(source.get(n, Digest()) == target.get(n, Digest()) for n in range(8))
    assert comparison.verdict is (Verdict.EQUAL if same else Verdict.DIFFERENT)


@given(st.lists(st.tuples(SIDE, SIDE), max_size=8))
def test_nothing_is_called_different_while_a_side_moves(
    rounds: list[tuple[dict[int, Digest], dict[int, Digest]]],
) -> None:
    comparison = TableComparison(TABLE, range(8))
    history: list[tuple[Digest, Digest]] = []
    for source, target in rounds:
        comparison.add_round(source, target)
        history.append((source.get(0, Digest()), target.get(0, Digest())))
        if 0 in comparison.different:
            assert len(set(history[-SETTLED_ROUNDS:])) == 1


@given(st.sets(st.integers(0, BUCKETS - 1)))
def test_a_mask_remembers_every_bucket(buckets: set[int]) -> None:
    assert set(from_mask(to_mask(buckets))) == buckets


def test_all_buckets_are_compared() -> None:
    assert TableComparison(TABLE).unproven == list(range(BUCKETS))
