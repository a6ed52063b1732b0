"""Reads both sides at once, round after round, until every table is proven equal or one is proven different."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from migration import markers
from migration.access import Session
from migration.comparison import BUCKETS, TableComparison, Verdict, differences, from_mask, progress, to_mask
from migration.errors import VerificationFailed, VerificationUnstable
from migration.table_digests import DigestTable, digest_tables, digests, fix_text

MARKER_PREFIX = "verify-data/"
MARKER_LIMIT_SECONDS = 60.0
PAUSE_SECONDS = 0.5


@dataclass
class Verification:
    """One invocation. `unproven` is what an earlier one left over: `{"public.orders": "<mask of buckets>"}`."""

    source: Session
    target: Session
    unproven: Mapping[str, str] = field(default_factory=dict)
    tables: list[tuple[DigestTable, TableComparison]] = field(default_factory=list)

    def run(self, deadline: float, clock: Callable[[], float] = time.monotonic) -> dict[str, Any]:
        """Result `{"tables", "rows", "rounds"}`.

        Raises VerificationFailed naming tables and counts, VerificationUnstable with the progress when a difference may
        still be a change on its way at `deadline`.
        """
        fix_text(self.source)
        fix_text(self.target)
        self._begin()
        rounds = 0
        while True:
            rounds += 1
            self._round()
            comparisons = [comparison for _, comparison in self.tables]
            found = differences(comparisons)
            if found:
                raise VerificationFailed(f"Source and target differ: {found}.")
            if all(comparison.verdict is Verdict.EQUAL for comparison in comparisons):
                rows = sum(comparison.rows for comparison in comparisons)
                return {"tables": len(comparisons), "rows": rows, "rounds": rounds}
            if clock() > deadline:
                raise VerificationUnstable(progress(comparisons))
            self._synchronise(progress(comparisons))

    @contextmanager
    def remembered(self, remember: Callable[[dict[str, str]], object]) -> Iterator[None]:
        """Hands over what a later invocation has to read, in the form of `unproven`, however the body ends."""
        try:
            yield
        finally:
            remember({_name(table): to_mask(comparison.unproven) for table, comparison in self.tables})

    def _begin(self) -> None:
        on_source, on_target = digest_tables(self.source), digest_tables(self.target)
        if {(t.schema, t.name) for t in on_source} != {(t.schema, t.name) for t in on_target}:
            names = sorted(_name(table) for table in set(on_source) ^ set(on_target))
            raise VerificationFailed(f"Source and target do not have the same tables: {', '.join(names)}.")
        for table in on_source:
            mask = self.unproven.get(_name(table))
            buckets = range(BUCKETS) if mask is None else from_mask(mask)
            self.tables.append((table, TableComparison((table.schema, table.name), buckets)))

    def _round(self) -> None:
        """Both sides read one table at the same time, so that little is on its way between the two readings."""
        with ThreadPoolExecutor(2) as pool:
            for table, comparison in self.tables:
                buckets = comparison.unproven
                if buckets:
                    source = pool.submit(digests, self.source, table, buckets)
                    target = pool.submit(digests, self.target, table, buckets)
                    comparison.add_round(source.result(), target.result())

    def _synchronise(self, so_far: str) -> None:
        """Whatever was on its way when the round began has arrived when this returns."""
        time.sleep(PAUSE_SECONDS)
        marker = MARKER_PREFIX + uuid.uuid4().hex
        if markers.send_marker(self.source, self.target, marker, MARKER_LIMIT_SECONDS).seconds is None:
            raise VerificationUnstable(f"{so_far}; replication is more than {MARKER_LIMIT_SECONDS:.0f} s behind")


def _name(table: DigestTable) -> str:
    return f"{table.schema}.{table.name}"
