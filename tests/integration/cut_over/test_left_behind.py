"""What must not be left behind: an attempt that counts as under way, a session that keeps the bake from beginning."""

from __future__ import annotations

import pg8000.native

from migration import fence
from migration.roll_back import is_under_way
from migration.source_restoring import SourceRestoring
from tests.integration.cut_over.moves import BACK
from tests.integration.cut_over.stage import APPLICATION, DATABASE, PASSWORD, Stage


class NoInstance:
    """RDS, which nobody needs here."""


def test_an_attempt_that_never_fenced_is_over_when_it_was_undone(stage: Stage) -> None:
    BACK.begin(stage)
    stage.way_back()
    ledger, migration_id = stage.ledger(), stage.plan.migration_id
    assert is_under_way(ledger.read(migration_id))
    BACK.unfence(stage)
    assert not is_under_way(ledger.read(migration_id))


def test_a_session_on_another_database_of_the_server_does_not_count(stage: Stage) -> None:
    address, port = stage.source.address, stage.installation.port
    elsewhere = pg8000.native.Connection(APPLICATION, password=PASSWORD, host=address, port=port, database="postgres")
    try:
        with stage.sides().source_admin() as source:
            assert fence.application_sessions(source, [APPLICATION]) == 0
            with stage.application(address):
                assert fence.application_sessions(source, [APPLICATION]) == 1
    finally:
        elsewhere.close()


def test_a_fence_that_a_late_run_raised_after_the_compensation_is_lifted_at_the_end(stage: Stage) -> None:
    ledger = stage.ledger()
    with stage.run() as run:
        run.remember_fence("unfenced")
    with stage.sides().source_admin() as source:
        fence.raise_fence(source, DATABASE, [APPLICATION])
        SourceRestoring(stage.sides(), ledger, stage.records(), NoInstance()).lift_late_fence(source)  # type: ignore[arg-type]
    assert stage.accepts_writes(stage.source)
