"""Are source and target equal? Pure: digests of hash buckets in, verdict out. Nothing is rounded, sampled or excused.

Both sides are read while the application writes, so a bucket may differ because a change is on its way. A bucket is
proven when the target's digest equals one that the source had at some time since the full load: from then on
replication carries every change. A bucket differs for good when neither side changes any more over several rounds with
a marker in between, because then nothing is on its way.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum

BUCKETS = 256
SETTLED_ROUNDS = 3
Table = tuple[str, str]


@dataclass(frozen=True)
class Digest:
    """Row count and sum of the rows' 64-bit hashes (wider than 64 bits, so nothing cancels out)."""

    rows: int = 0
    sum: int = 0


Digests = Mapping[int, Digest]


class Verdict(Enum):
    """`UNSTABLE` means compare again."""

    EQUAL = "equal"
    UNSTABLE = "unstable"
    DIFFERENT = "different"


@dataclass
class _Bucket:
    seen_on_source: set[Digest] = field(default_factory=set)
    last: tuple[Digest, Digest] | None = None
    settled_rounds: int = 0


class TableComparison:
    """Remembers what is not proven yet of one table."""

    def __init__(self, table: Table, unproven: Iterable[int] = range(BUCKETS)) -> None:
        self.table = table
        self._unproven = {bucket: _Bucket() for bucket in unproven}
        self.rows = 0

    @property
    def unproven(self) -> list[int]:
        """Buckets that have to be read again."""
        return sorted(self._unproven)

    @property
    def verdict(self) -> Verdict:
        """What is known so far."""
        if self.different:
            return Verdict.DIFFERENT
        return Verdict.UNSTABLE if self._unproven else Verdict.EQUAL

    @property
    def different(self) -> dict[int, tuple[Digest, Digest]]:
        """Buckets that differ for good: (source, target)."""
        return {
            number: bucket.last
            for number, bucket in self._unproven.items()
            if bucket.last and bucket.settled_rounds >= SETTLED_ROUNDS
        }

    def add_round(self, source: Digests, target: Digests) -> None:
        """One reading of the unproven buckets on both sides; a bucket without rows is missing in it."""
        for number in self.unproven:
            on_source, on_target = source.get(number, Digest()), target.get(number, Digest())
            if self._proves(self._unproven[number], on_source, on_target):
                del self._unproven[number]
                self.rows += on_target.rows

    @staticmethod
    def _proves(bucket: _Bucket, on_source: Digest, on_target: Digest) -> bool:
        bucket.seen_on_source.add(on_source)
        bucket.settled_rounds = bucket.settled_rounds + 1 if bucket.last == (on_source, on_target) else 1
        bucket.last = (on_source, on_target)
        return on_target in bucket.seen_on_source


def to_mask(buckets: Iterable[int]) -> str:
    """Buckets as the ledger keeps them, in hexadecimal: `[0, 4]` → `11`. A thousand tables stay far below 400 KB."""
    return f"{sum(1 << bucket for bucket in buckets):x}"


def from_mask(mask: str) -> list[int]:
    """`11` → `[0, 4]`."""
    bits = int(mask, 16)
    return [bucket for bucket in range(BUCKETS) if bits >> bucket & 1]


def progress(tables: list[TableComparison]) -> str:
    """`verified 11 of 12 tables; public.orders: 3 of 256 buckets still differ`."""
    open_tables = [table for table in tables if table.verdict is not Verdict.EQUAL]
    parts = [f"verified {len(tables) - len(open_tables)} of {len(tables)} tables"]
    parts += [f"{'.'.join(t.table)}: {len(t.unproven)} of {BUCKETS} buckets still differ" for t in open_tables[:3]]
    return "; ".join(parts)


def differences(tables: list[TableComparison]) -> str:
    """`public.orders differs in 1 of 256 buckets: 40 rows on the source, 39 on the target`; empty when none does."""
    return "; ".join(_difference(table) for table in tables if table.verdict is Verdict.DIFFERENT)


def _difference(table: TableComparison) -> str:
    pairs = table.different.values()
    source, target = sum(s.rows for s, _ in pairs), sum(t.rows for _, t in pairs)
    where = f"{'.'.join(table.table)} differs in {len(pairs)} of {BUCKETS} buckets"
    return f"{where}: {source} rows there on the source, {target} on the target"
