"""A read shift is held and goes on when an operator says so, and only while there is one."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migration import read_shifting
from migration.errors import MigrationBlocked
from tests.unit.operated_migration import ID, WISH, Operated, operated

SHIFT = {"taskToken": "shift", "generation": 1, "steps": [10, 100], "intervalMinutes": 5, "weight": 10}


@pytest.fixture
def migration(monkeypatch: pytest.MonkeyPatch) -> Iterator[Operated]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with operated() as found:
        yield found


def test_pausing_and_resuming_twice(migration: Operated) -> None:
    migration.remember(readShift=SHIFT | {"state": "running"})
    for operation, state in ((read_shifting.pause, "paused"), (read_shifting.resume, "running")):
        for _ in range(2):
            assert operation(migration.ledger, ID) == {"readShift": state, "weight": 10}


@pytest.mark.parametrize("operation", [read_shifting.pause, read_shifting.resume])
@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "it has not begun"),
        ({"readShift": SHIFT | {"state": "done"}}, "all reads go to the target already"),
        ({"readShift": SHIFT | {"state": "broken"}}, "all reads were taken back to the source"),
        ({"readShift": SHIFT | {"state": "restored"}}, "all reads were taken back to the source"),
        ({"readShift": SHIFT | {"state": "running"}, "abort": WISH}, "an operator asked to stop the migration"),
        ({"readShift": SHIFT | {"state": "restored"}, "stage": "RolledBack"}, "was rolled back already"),
    ],
)
def test_nothing_to_pause(migration: Operated, operation: Any, changes: dict[str, Any], said: str) -> None:
    migration.remember(**changes)
    with pytest.raises(MigrationBlocked, match=said):
        operation(migration.ledger, ID)
