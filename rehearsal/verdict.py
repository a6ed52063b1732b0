"""Says what a migration did to the application's data and requests. Pure: everything seen is an argument.

The application keeps its own record of each request, so the verdict believes neither database: a write counts as kept
when the final writer has its key and each of its effects exactly once, and every row of every table must be on the
final writer as the source left it at the fence, or be changed by a write that was committed after the fence.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import Any

SEED = "seed"
WATCH_TABLE, KEY_TABLE = "watch", "idempotency_key"
# A trigger writes one audit row for each effect on a purchase.
WRITTEN_BY_TRIGGER = {"audit": "purchase"}

Key = str
RowId = tuple[str, str]  # table, primary key as text with | between its columns
Window = tuple[float, float]


@dataclass(frozen=True)
class Row:
    """What is compared of a row: a digest of all columns, the write that changed it last, how often it was changed."""

    digest: str
    last_write: str | None = None
    writes: int | None = None


Rows = Mapping[RowId, Row]


@dataclass(frozen=True)
class Write:
    """One acknowledged write as the application recorded it. Effects: (table, primary key as text, kind)."""

    key: Key
    acknowledged_at: float
    duration_ms: float
    server: str
    effects: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Request:
    """One request's time, seen by its caller."""

    caller: str
    began: float
    ended: float
    failed: bool = False


@dataclass(frozen=True)
class Probe:
    """One probe of the watcher. `at` is the server's clock at an accepted insert."""

    side: str
    began: float
    accepted: bool
    at: float
    why: str = ""
    key: Key = ""


@dataclass(frozen=True)
class Finding:
    """One broken promise, explained."""

    kind: str
    subject: str
    why: str


@dataclass
class Data:
    """Both databases after the run and the application's record. `final_keys`: the effects stored beside each key.

    `source` is None when the source is the final writer.
    """

    final: Rows
    source: Rows | None
    final_keys: Mapping[Key, Sequence[tuple[str, str, str]]]
    source_keys: frozenset[Key]
    writes: Sequence[Write]
    accepted_probes: frozenset[Key] = field(default_factory=frozenset)

    @cached_property
    def effects(self) -> Mapping[Key, Sequence[tuple[str, str, str]]]:
        """Effects of every committed write: as the application recorded them, else (never acknowledged) as stored."""
        known = {each.key: each.effects for each in self.writes if each.key in self.final_keys}
        return {key: known.get(key, stored) for key, stored in self.final_keys.items()}


def lost(data: Data) -> list[Finding]:
    """Acknowledged writes whose key or effects are not on the final writer."""
    findings = [
        Finding("lost", each.key, f"acknowledged by {each.server}, its key is not on the final writer")
        for each in data.writes
        if each.key not in data.final_keys
    ]
    gone = {(table, row) for effects in data.effects.values() for table, row, kind in effects if kind == "delete"}
    for key, effects in data.effects.items():
        findings += [
            Finding("lost", key, f"its {kind} of {table} {row} is not on the final writer")
            for table, row, kind in effects
            if kind != "delete" and (table, row) not in data.final and (table, row) not in gone
        ]
        findings += [
            Finding("lost", key, f"it deleted {table} {row}, which is still on the final writer")
            for table, row, kind in effects
            if kind == "delete" and (table, row) in data.final
        ]
    short = _miscounted(data)
    return findings + [
        Finding("lost", f"{table} {row}", f"{-surplus} acknowledged updates are missing from its count of writes")
        for (table, row), surplus in short.items()
        if surplus < 0
    ]


def duplicated(data: Data) -> list[Finding]:
    """Writes applied more than once: a row counts too many updates, or a key left more rows than it wrote."""
    findings = [
        Finding("duplicated", f"{table} {row}", f"{surplus} more updates than the application made")
        for (table, row), surplus in _miscounted(data).items()
        if surplus > 0
    ]
    expected = _expected_rows(data)
    found = Counter(
        (table, row.last_write) for (table, _), row in data.final.items() if row.last_write in data.final_keys
    )
    return findings + [
        Finding("duplicated", str(key), f"left {count} rows in {table}, it wrote {expected[table, str(key)]}")
        for (table, key), count in found.items()
        if count > expected[table, str(key)]
    ]


def diverged(data: Data) -> list[Finding]:
    """Rows of the final writer that neither the source at the fence nor a write after the fence explains."""
    if data.source is None:
        return []
    after_fence = frozenset(data.final_keys) - data.source_keys
    deleted = {
        (table, row) for key in after_fence for table, row, kind in data.effects.get(key, ()) if kind == "delete"
    }
    findings = []
    for row_id in sorted(data.final.keys() | data.source.keys()):
        here, there = data.final.get(row_id), data.source.get(row_id)
        if here == there or (here is None and row_id in deleted):
            continue
        if here is not None and _explained(row_id, here, after_fence, data.accepted_probes):
            continue
        findings.append(Finding("diverged", " ".join(row_id), _difference(here, there)))
    return findings


def _explained(row_id: RowId, here: Row, after_fence: frozenset[Key], accepted_probes: frozenset[Key]) -> bool:
    table, row = row_id
    if table == KEY_TABLE:
        return row in after_fence
    if table == WATCH_TABLE:
        return row in accepted_probes
    return here.last_write in after_fence


def _difference(here: Row | None, there: Row | None) -> str:
    if here is None:
        return "on the source only, and no write after the fence deleted it"
    if there is None:
        return f"on the final writer only, last written by {here.last_write}, which was not a write after the fence"
    return f"different, last written by {here.last_write} here and {there.last_write} on the source"


def _expected_rows(data: Data) -> Counter[tuple[str, Key]]:
    expected: Counter[tuple[str, Key]] = Counter()
    for key, effects in data.effects.items():
        expected.update((table, key) for table, _, kind in effects if kind != "delete")
        for derived, table in WRITTEN_BY_TRIGGER.items():
            expected.update((derived, key) for changed, _, _ in effects if changed == table)
    return expected


def _miscounted(data: Data) -> dict[RowId, int]:
    """Rows whose count of writes is not the number of updates committed: +n too many, -n too few."""
    updates = Counter(
        (table, row) for effects in data.effects.values() for table, row, kind in effects if kind == "update"
    )
    surplus = {row_id: row.writes - updates[row_id] for row_id, row in data.final.items() if row.writes is not None}
    return {row_id: count for row_id, count in surplus.items() if count}


def two_writers_ms(probes: Iterable[Probe], since: float = 0.0) -> float:
    """Time in which both sides took writes, in ms; at least 1 if at all. Probes before `since` do not count."""
    spans = {side: _accepted_spans(probe for probe in probes_of) for side, probes_of in _by_side(probes, since).items()}
    sides = list(spans.values())
    if len(sides) < 2:
        return 0.0
    overlaps = [
        max(1.0, (min(one[1], other[1]) - max(one[0], other[0])) * 1000)
        for one in sides[0]
        for other in sides[1]
        if max(one[0], other[0]) <= min(one[1], other[1])
    ]
    return round(sum(overlaps), 1)


def closed_since(probes: Iterable[Probe], side: str = "target", sqlstate: str = "25006") -> float | None:
    """When the product was first seen to keep the application out of `side`."""
    return min((each.began for each in probes if each.side == side and each.why == sqlstate), default=None)


def _by_side(probes: Iterable[Probe], since: float) -> dict[str, list[Probe]]:
    sides: dict[str, list[Probe]] = defaultdict(list)
    for probe in sorted(probes, key=lambda each: each.began):
        if (probe.at if probe.accepted else probe.began) >= since:
            sides[probe.side].append(probe)
    return sides


def _accepted_spans(probes: Iterable[Probe]) -> list[Window]:
    """Spans of consecutive accepted probes, from the first insert to the last."""
    spans: list[Window] = []
    open_span = False
    for probe in probes:
        if probe.accepted:
            spans = [*spans[:-1], (spans[-1][0], probe.at)] if open_span else [*spans, (probe.at, probe.at)]
        open_span = probe.accepted
    return spans


def longest_per_caller(requests: Iterable[Request], window: Window | None = None) -> dict[str, float]:
    """The longest request of each caller in ms, among those that touch the window (None: all)."""
    longest: dict[str, float] = defaultdict(float)
    for each in requests:
        if window is None or (each.began <= window[1] and each.ended >= window[0]):
            longest[each.caller] = max(longest[each.caller], (each.ended - each.began) * 1000)
    return dict(longest)


def longest_gap_ms(moments: Iterable[float], outside: Sequence[Window] = ()) -> float:
    """The longest time between two successive moments, in ms, gaps that touch a window of `outside` left out."""
    ordered = sorted(moments)
    gaps = [
        after - before
        for before, after in pairwise(ordered)
        if not any(before <= window[1] and after >= window[0] for window in outside)
    ]
    return round(max(gaps, default=0.0) * 1000, 1)


def broken_promises(verdict: Mapping[str, Any]) -> list[str]:
    """The promises the verdict shows broken, one sentence each; limits of time are not among them."""
    counts = {
        "acknowledged writes lost": verdict["writes"]["lost"],
        "writes duplicated": verdict["writes"]["duplicated"],
        "rows diverged": verdict["writes"]["diverged_rows"],
        "requests failed": verdict["requests"]["failed"],
        "milliseconds with two writers": verdict["two_writers_ms"],
        "milliseconds in which the target took writes before it was closed": verdict["target_opened_before_close_ms"],
        "calls denied": len(verdict["denied_calls"]),
    }
    broken = [f"{count:g} {what}" for what, count in counts.items() if count]
    if not verdict["writes"]["acknowledged"]:
        broken.append("no write was acknowledged, so nothing is proved")
    if verdict["outcome"] != verdict.get("expected_outcome", "SUCCEEDED"):
        broken.append(f"the execution ended {verdict['outcome']}")
    return broken
