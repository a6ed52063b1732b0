"""One invocation of the cut-over or the switch back: what its steps use and find out."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from types import TracebackType
from typing import Any

from migration import clients
from migration.database import Database
from migration.direction import Direction
from migration.errors import CutOverUndone
from migration.fence import SessionEnder
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.names import Names
from migration.parameters import Parameters
from migration.route53 import DnsRecords
from migration.sequences import Sequence
from migration.sides import Sides, sides_of


@dataclass
class CutOverRun:
    """Use as a context manager: it keeps one session on each side, opened when first used."""

    direction: Direction
    plan: MigrationPlan
    sides: Sides
    ledger: Ledger
    records: DnsRecords
    parameters: Parameters
    writer_prefix: str
    deadline: float = 0.0
    """Seconds since the epoch; the new writer must be open by then."""
    fenced_at: float = 0.0
    """Seconds since the epoch, just before the fence."""
    stalled_since: float = 0.0
    """Monotonic seconds, when this run raised the fence."""
    fence_clock: str = ""
    """The old writer's own time, just after the fence."""
    ender: SessionEnder | None = None
    terminated_sessions: int = 0
    marker: str = ""
    marker_ms: float = 0.0
    sequences: list[Sequence] = field(default_factory=list)
    target_position: str = ""
    """Of the write-ahead log: everything the application writes on the target comes after it."""
    old_generation: int | None = None
    """Of the published old writer; None in a run that goes on after a death."""
    generation: int = 0
    dns_change: str | None = None
    """Id of the Route 53 change, to wait for after the stall; None when a run before this one made it."""
    probe: Future[None] | None = None
    _sessions: ExitStack = field(default_factory=ExitStack)

    @cached_property
    def old(self) -> Database:
        """Session of the administrator on the side that is fenced."""
        return self._sessions.enter_context(self.sides.admin(self.direction.old, statement_timeout_ms=self.budget_ms))

    @cached_property
    def new(self) -> Database:
        """Session of the administrator on the side that opens."""
        return self._sessions.enter_context(self.sides.admin(self.direction.new, statement_timeout_ms=self.budget_ms))

    @property
    def roles(self) -> list[str]:
        """Roles that are fenced."""
        return self.plan.source.application_roles

    @property
    def replication_role(self) -> str:
        """The role of DMS, whose sessions stay."""
        return Names(self.plan).replication_role

    @property
    def database(self) -> str:
        """Name of the database on both sides."""
        return self.plan.source.settings.database_name

    @property
    def budget_ms(self) -> int:
        """How long the application may have to wait."""
        return self.plan.options.stall_budget_ms

    def recall_fence(self, remembered: Mapping[str, Any]) -> None:
        """A run that goes on after a death takes its time from the journal; that of another attempt does not count."""
        journal = self.direction.journal_in(remembered)
        self.fenced_at = float(journal["at"]) if journal.get("attempt") == self.direction.attempt else 0.0

    def remember_fence(
        self, state: str, result: Mapping[str, Any] | None = None, only_while: Mapping[str, Any] | None = None
    ) -> bool:
        """Writes the journal: `fencing`, `unfenced` or `fenced` (for good, beside the result). False if not allowed."""
        journal = {
            "state": state,
            "roles": self.roles,
            "database": self.database,
            "at": self.fenced_at,
            "attempt": self.direction.attempt,
        }
        changes = {self.direction.journal: journal, **({self.direction.result: result} if result else {})}
        return self.ledger.update(self.plan.migration_id, changes, expect=only_while)

    def check_time(self) -> None:
        """Raises CutOverUndone when the stall has used up its budget."""
        if self.deadline and time.time() > self.deadline:
            raise CutOverUndone(f"the stall exceeded its budget of {self.budget_ms} ms")

    def __enter__(self) -> CutOverRun:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._sessions.close()


@dataclass(frozen=True)
class Step:
    """`undo` also undoes a step that failed half way; both may run twice."""

    name: str
    do: Callable[[CutOverRun], None]
    undo: Callable[[CutOverRun], None] | None = None


def run_of(direction: Direction, plan: MigrationPlan, state: Mapping[str, Any], ledger: Ledger) -> CutOverRun:
    """For one invocation; all secrets are read now, so that no later session waits for Secrets Manager."""
    sides = sides_of(plan, state)
    sides.read_secrets()
    records, parameters = DnsRecords(clients.route53(), plan.source.settings), Parameters(clients.ssm())
    return CutOverRun(direction, plan, sides, ledger, records, parameters, os.environ["CROSSFADE_WRITER_PREFIX"])
