"""A verdict that cannot fail is worthless: each planted defect is found, and only that one."""

from dataclasses import replace
from typing import Any

import pytest

from rehearsal import verdict
from rehearsal.verdict import Data, Probe, Request, Row, Write

PLACED = [("purchase", "1", "insert"), ("purchase_line", "1|1", "insert"), ("stock", "7", "update")]
PAID = [("purchase", "1", "update"), ("event", "5|now", "insert")]
CANCELLED = [("purchase", "2", "delete"), ("purchase_line", "2|1", "delete")]


def write(key: str, server: str, effects: list[tuple[str, str, str]]) -> Write:
    return Write(key, 100.0, 3.0, server, effects)


@pytest.fixture
def data() -> Data:
    """w0:1 placed a purchase on the source; after the fence w0:2 paid it and w1:1 cancelled another on the target."""
    source = {
        ("country", "BE"): Row("belgium"),
        ("purchase", "1"): Row("placed", "w0:1", 0),
        ("purchase_line", "1|1"): Row("line", "w0:1"),
        ("purchase", "2"): Row("other", "seed", 0),
        ("purchase_line", "2|1"): Row("other line", "seed"),
        ("stock", "7"): Row("stock", "w0:1", 1),
        ("audit", "1"): Row("audit of w0:1", "w0:1"),
        ("idempotency_key", "w0:1"): Row("key"),
        ("watch", "watch:source:1"): Row("probe", "watch:source:1"),
    }
    final = {each: row for each, row in source.items() if each not in {("purchase", "2"), ("purchase_line", "2|1")}}
    final |= {
        ("purchase", "1"): Row("paid", "w0:2", 1),
        ("event", "5|now"): Row("event", "w0:2"),
        ("audit", "2"): Row("audit of w0:2", "w0:2"),
        ("audit", "3"): Row("audit of w1:1", "w1:1"),
        ("idempotency_key", "w0:2"): Row("key"),
        ("idempotency_key", "w1:1"): Row("key"),
        ("watch", "watch:target:1"): Row("probe", "watch:target:1"),
    }
    writes = [write("w0:1", "old", PLACED), write("w0:2", "new", PAID), write("w1:1", "new", CANCELLED)]
    keys = {each.key: each.effects for each in writes}
    return Data(final, source, keys, frozenset({"w0:1"}), writes, frozenset({"watch:target:1"}))


def found(data: Data) -> dict[str, int]:
    counts = {
        "lost": verdict.lost(data),
        "duplicated": verdict.duplicated(data),
        "diverged": verdict.diverged(data),
    }
    return {name: len(findings) for name, findings in counts.items() if findings}


def changed(data: Data, **rows: Row | None) -> Data:
    """The data with rows of the final writer replaced (None: removed), named table__key."""
    final = dict(data.final)
    for name, row in rows.items():
        table, _, key = name.partition("__")
        row_id = (table, key.replace("_", "|").replace("I", ":"))
        if row is None:
            del final[row_id]
        else:
            final[row_id] = row
    return replace(data, final=final)


def test_a_clean_run_has_no_findings(data: Data) -> None:
    assert found(data) == {}


def test_an_acknowledged_key_that_is_gone_is_lost(data: Data) -> None:
    keys = {key: effects for key, effects in data.final_keys.items() if key != "w0:2"}
    assert "its key is not on the final writer" in verdict.lost(replace(data, final_keys=keys))[0].why


def test_an_inserted_row_that_is_gone_is_lost_and_diverged(data: Data) -> None:
    assert found(changed(data, purchase_line__1_1=None)) == {"lost": 1, "diverged": 1}


def test_an_update_that_is_not_counted_is_lost(data: Data) -> None:
    assert found(changed(data, stock__7=Row("stock", "w0:1", 0))) == {"lost": 1, "diverged": 1}


def test_a_deleted_row_that_came_back_is_lost(data: Data) -> None:
    assert found(changed(data, purchase__2=Row("other", "seed", 0))) == {"lost": 1}


def test_an_update_counted_twice_is_duplicated(data: Data) -> None:
    assert found(changed(data, purchase__1=Row("paid", "w0:2", 2))) == {"duplicated": 1}


def test_a_second_row_of_one_key_is_duplicated(data: Data) -> None:
    assert found(changed(data, event__6=Row("event", "w0:2"))) == {"duplicated": 1}


def test_a_trigger_that_fired_on_replicated_rows_is_seen_twice(data: Data) -> None:
    assert found(changed(data, audit__9=Row("audit of w0:1", "w0:1"))) == {"duplicated": 1, "diverged": 1}


def test_a_row_that_differs_without_a_write_has_diverged(data: Data) -> None:
    assert found(changed(data, country__BE=Row("belgia"))) == {"diverged": 1}


def test_a_row_that_differs_although_its_last_write_was_before_the_fence_has_diverged(data: Data) -> None:
    assert found(changed(data, purchase_line__1_1=Row("other value", "w0:1"))) == {"diverged": 1}


def test_a_row_that_vanished_without_a_delete_has_diverged(data: Data) -> None:
    assert found(changed(data, country__BE=None)) == {"diverged": 1}


def test_a_row_of_an_unknown_write_has_diverged(data: Data) -> None:
    assert found(changed(data, event__8=Row("event", "nobody:1"))) == {"diverged": 1}


def test_a_row_the_source_did_not_hand_over_has_diverged(data: Data) -> None:
    source = dict(data.source or {}) | {("event", "4|late"): Row("late", "w9:1")}
    assert found(replace(data, source=source)) == {"diverged": 1}


def test_a_write_that_was_never_acknowledged_but_committed_is_no_defect(data: Data) -> None:
    unanswered = [each for each in data.writes if each.key != "w0:2"]
    assert found(replace(data, writes=unanswered)) == {}


def test_when_the_source_stayed_the_writer_there_is_nothing_to_diverge_from(data: Data) -> None:
    assert verdict.diverged(replace(data, source=None)) == []


def accepted(side: str, at: float) -> Probe:
    return Probe(side, at - 0.001, accepted=True, at=at)


def refused(side: str, at: float, why: str = "25006") -> Probe:
    return Probe(side, at, accepted=False, at=0.0, why=why)


def test_one_writer_after_the_other_is_no_overlap() -> None:
    probes = [accepted("source", 1.0), accepted("source", 2.0), refused("target", 1.0), refused("source", 2.1)]
    assert verdict.two_writers_ms([*probes, accepted("target", 2.2), accepted("target", 3.0)]) == 0


def test_both_sides_open_is_measured() -> None:
    probes = [accepted("source", 1.0), accepted("target", 1.5), accepted("source", 2.0), accepted("target", 3.0)]
    assert verdict.two_writers_ms(probes) == 500


def test_a_single_accepted_probe_inside_the_others_span_counts() -> None:
    assert verdict.two_writers_ms([accepted("source", 1.0), accepted("target", 1.5), accepted("source", 2.0)]) == 1


def test_a_refusal_ends_a_span() -> None:
    source = [accepted("source", 1.0), refused("source", 2.0), accepted("source", 5.0)]
    assert verdict.two_writers_ms([*source, accepted("target", 3.0), accepted("target", 4.0)]) == 0


def test_before_the_target_was_closed_it_does_not_count_and_is_reported() -> None:
    probes = [accepted("source", 1.0), accepted("target", 1.5), refused("target", 1.6), accepted("source", 2.0)]
    closed = verdict.closed_since(probes)
    assert closed == 1.6
    assert verdict.two_writers_ms(probes, since=closed) == 0


def test_gaps_outside_the_drill_count() -> None:
    moments = [0.0, 1.0, 5.0, 6.0, 8.0]
    assert verdict.longest_gap_ms(moments) == 4000
    assert verdict.longest_gap_ms(moments, [(2.0, 4.0)]) == 2000


def test_the_longest_request_of_each_caller() -> None:
    requests = [Request("w0", 1.0, 1.1), Request("w0", 5.0, 5.5), Request("w1", 1.0, 1.2)]
    longest = verdict.longest_per_caller(requests, (0.0, 2.0))
    assert {caller: round(value) for caller, value in longest.items()} == {"w0": 100, "w1": 200}


GOOD: dict[str, Any] = {
    "outcome": "SUCCEEDED",
    "writes": {"acknowledged": 5, "lost": 0, "duplicated": 0, "diverged_rows": 0},
    "requests": {"total": 5, "failed": 0},
    "two_writers_ms": 0,
    "target_opened_before_close_ms": 0.0,
    "denied_calls": [],
}


def test_a_good_verdict_breaks_no_promise() -> None:
    assert verdict.broken_promises(GOOD) == []


@pytest.mark.parametrize(
    ("bad", "sentence"),
    [
        ({"outcome": "FAILED"}, "the execution ended FAILED"),
        ({"writes": {**GOOD["writes"], "lost": 2}}, "2 acknowledged writes lost"),
        ({"writes": {**GOOD["writes"], "duplicated": 1}}, "1 writes duplicated"),
        ({"writes": {**GOOD["writes"], "diverged_rows": 3}}, "3 rows diverged"),
        ({"writes": {**GOOD["writes"], "acknowledged": 0}}, "no write was acknowledged, so nothing is proved"),
        ({"requests": {"total": 5, "failed": 1}}, "1 requests failed"),
        ({"two_writers_ms": 12.5}, "12.5 milliseconds with two writers"),
        (
            {"target_opened_before_close_ms": 3.0},
            "3 milliseconds in which the target took writes before it was closed",
        ),
        ({"denied_calls": ["role: rds:X"]}, "1 calls denied"),
    ],
)
def test_each_broken_promise_is_one_sentence(bad: dict[str, Any], sentence: str) -> None:
    assert verdict.broken_promises({**GOOD, **bad}) == [sentence]
