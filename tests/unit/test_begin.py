"""Who may go on with a migration: the execution that drives it, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from migration.begin import begin_driven, begin_forward
from migration.errors import AbortRequested
from migration.ledger import Ledger
from migration.model import to_json
from tests.unit.operated_migration import operated
from tests.unit.test_bake import ID, OURS, PLAN, THEIRS

EVENT: dict[str, Any] = {"plan": to_json(PLAN)}


@pytest.fixture
def ledger(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ledger]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with operated() as migration:
        yield migration.ledger


@pytest.mark.parametrize("driver", [None, OURS])
def test_the_driver_goes_on_whether_it_began_the_migration_or_took_it_over(ledger: Ledger, driver: str | None) -> None:
    ledger.update(ID, {"takenOverBy": driver, "abort": {"by": "ada", "reason": "Friday", "at": "now"}})
    assert begin_driven("RestoreReads", EVENT, ledger) == PLAN
    with pytest.raises(AbortRequested, match="ada asked to stop"):
        begin_forward("CutOver", EVENT, ledger)


@pytest.mark.parametrize("begin", [begin_driven, begin_forward])
def test_a_redriven_execution_changes_nothing_of_what_another_has_taken_over(ledger: Ledger, begin: Any) -> None:
    ledger.update(ID, {"takenOverBy": THEIRS, "stage": "RolledBack"})
    with pytest.raises(AbortRequested, match="was taken over by arn:theirs"):
        begin("DiscardTarget", EVENT, ledger)
