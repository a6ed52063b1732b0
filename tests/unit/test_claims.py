"""One live migration per source; a ledger in memory stands for DynamoDB's conditional writes."""

from typing import Any

import pytest

from migration.claims import require_free, take_claim
from migration.errors import MigrationBlocked
from migration.ledger import Claim

FIRST, SECOND = (
    Claim(f"orders-{n}", f"arn:aws:states:eu-west-1:1:execution:{n}", "2026-11-23T20:00:00+00:00") for n in (1, 2)
)


class MemoryLedger:
    """`claim` and `holder` of a ledger whose conditional writes are one thread's."""

    def __init__(self, held: Claim | None = None, rival: Claim | None = None, **remembered: Any) -> None:
        self.held, self.rival, self.remembered = held, rival, remembered

    def read(self, migration_id: str) -> dict[str, Any]:
        return self.remembered

    def holder(self, source: str) -> Claim | None:
        return self.held

    def claim(self, source: str, wanted: Claim, *, instead_of: Claim | None = None) -> Claim:
        if self.rival:
            self.held, self.rival = self.rival, None
        if self.held in (None, wanted, instead_of):
            self.held = wanted
        assert self.held is not None
        return self.held


def alive(_: str) -> bool:
    return True


def dead(_: str) -> bool:
    return False


def test_a_free_source_is_taken_and_taken_again() -> None:
    ledger = MemoryLedger()
    assert take_claim(ledger, "orders", FIRST, alive) == FIRST
    assert take_claim(ledger, "orders", FIRST, alive) == FIRST


def test_a_living_migration_keeps_its_source() -> None:
    with pytest.raises(MigrationBlocked, match="is being migrated already by arn:aws:states:eu-west-1:1:execution:1"):
        take_claim(MemoryLedger(FIRST), "orders", SECOND, alive)


def test_a_dead_one_is_followed() -> None:
    assert take_claim(MemoryLedger(FIRST), "orders", SECOND, dead) == SECOND


def test_of_two_at_once_one_wins() -> None:
    with pytest.raises(MigrationBlocked, match="has just been claimed by arn:aws:states:eu-west-1:1:execution:1"):
        take_claim(MemoryLedger(rival=FIRST), "orders", SECOND, alive)


def test_asking_changes_nothing() -> None:
    ledger = MemoryLedger(FIRST)
    assert require_free(ledger, "orders", SECOND.execution_arn, dead) == FIRST
    assert ledger.held == FIRST


def test_a_migration_that_was_not_undone_keeps_its_source() -> None:
    with pytest.raises(MigrationBlocked, match="still belongs to the migration orders-1") as blocked:
        take_claim(MemoryLedger(FIRST, preparation={}, stage="PrepareSource"), "orders", SECOND, dead)
    assert '\'{"migrationId":"orders-1"}\' | aws lambda invoke --region eu-west-1' in str(blocked.value)
    assert "--function-name crossfade-abort" in str(blocked.value)


@pytest.mark.parametrize("stage", ["RolledBack", "Complete"])
def test_one_that_came_to_its_end_is_followed(stage: str) -> None:
    assert take_claim(MemoryLedger(FIRST, preparation={}, stage=stage), "orders", SECOND, dead) == SECOND
