"""Data validation: the rows of a table compared on both sides by count and checksum, as far as they stand still."""

from __future__ import annotations

from pg8000.native import Connection

from rehearsal.account.dms import tables
from rehearsal.account.dms.tables import Progress, Table

EVERY_SECONDS = 300.0
TRIES = 3
PENDING, VALIDATED, MISMATCHED = "Pending records", "Validated", "Mismatched records"


class Validation:
    """Compares the loaded tables of a task. Unequal readings may only be apart in time: the third is a mismatch."""

    def __init__(self) -> None:
        self._unequal: dict[tuple[str, str], int] = {}

    def compare(self, progress: list[Progress], source: Connection, target: Connection) -> None:
        """Set the ValidationState of every loaded table."""
        for item in progress:
            if item.state != tables.COMPLETED:
                continue
            if not item.table.has_identity:
                item.validation = "No primary key"
                continue
            equal = _fingerprint(source, item.table) == _fingerprint(target, item.table)
            unequal = 0 if equal else self._unequal.get(item.table.key, 0) + 1
            self._unequal[item.table.key] = unequal
            item.validation = VALIDATED if equal else PENDING if unequal < TRIES else MISMATCHED


def _fingerprint(session: Connection, table: Table) -> list[object]:
    row = f"CAST(ROW({table.column_list()}) AS text)"
    rows = session.run(f"SELECT count(*), CAST(sum(hashtextextended({row}, 0)) AS text) FROM ONLY {table.qualified}")
    return list(rows[0])
