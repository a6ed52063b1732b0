"""Which way the writer moves: the cut-over and the switch back are the same steps seen from two sides."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration.errors import StateDrifted
from migration.gate import TargetGate, WriterGate
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.source_gate import SourceGate
from migration.weights import Side


@dataclass(frozen=True)
class Direction:
    """`old` is fenced, `new` opens: until its gate is open `old` is the writer, from then on `new` is.

    `journal` and `result` are paths in the ledger; the journal is begun only while the ledger is as in `only_while`.
    `attempt` tells a journal from that of an earlier attempt.
    """

    name: str
    old: Side
    new: Side
    gate: WriterGate
    journal: str
    result: str
    only_while: Mapping[str, Any]
    attempt: int = 1

    def journal_in(self, remembered: Mapping[str, Any]) -> dict[str, Any]:
        """`{"state", "roles", "database", "at", "attempt"}` of the newest fence, {} before the first."""
        return dict(_at(remembered, self.journal))

    def result_in(self, remembered: Mapping[str, Any]) -> dict[str, Any]:
        """What the finished move measured, {} before it is finished."""
        return dict(_at(remembered, self.result))


CUT_OVER = Direction("cut-over", Side.SOURCE, Side.TARGET, TargetGate(), "fence", "cutOver", {"abort": None})


def switch_back(plan: MigrationPlan, ledger: Ledger) -> Direction:
    """The way back, in the attempt that the ledger's `rollBack` asks for; its place in the ledger is made.

    Raises StateDrifted when nobody asked.
    """
    asked = ledger.read(plan.migration_id).get("rollBack")
    if asked is None:
        raise StateDrifted(f"The ledger knows of no wish to roll {plan.migration_id} back.")
    attempt = int(asked["attempt"])
    ledger.update(plan.migration_id, {"switchBack": {}}, expect={"switchBack": None})
    return Direction(
        "switch back",
        Side.TARGET,
        Side.SOURCE,
        SourceGate(attempt, plan.source.settings.database_name, plan.source.application_roles),
        "switchBack.fence",
        "switchBack.result",
        {"rollBack.attempt": attempt},
        attempt,
    )


def _at(remembered: Mapping[str, Any], path: str) -> Mapping[str, Any]:
    for part in path.split("."):
        remembered = remembered.get(part, {})
    return remembered
