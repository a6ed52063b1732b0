"""Firings, operators and compensations at the same time: every order of their single calls, as hypothesis finds them.

Each actor runs in a thread of its own that stops before every call to the outside; the test says who goes on.
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from migration import read_shifting
from migration.errors import MigrationBlocked
from migration.model import to_json
from migration.read_shift import Firing, GateReport, ShiftState
from migration.read_shifting import Stepper

ID = "orders-1f0c9a2b"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
STARTED = {"context": {}, "readShift": to_json(ShiftState("token", 1, [10, 50, 100], 5))}


class Killed(BaseException):
    """What a thread meets instead of its next call when its function is killed."""


class Actor(threading.Thread):
    """One invocation. `advance` lets it make one call and returns when it stands before the next, or is over."""

    def __init__(self, work: Callable[[], object]) -> None:
        super().__init__(daemon=True)
        self._work, self._go, self._stands = work, threading.Semaphore(0), threading.Semaphore(0)
        self.is_over = self._is_killed = False
        self.error: BaseException | None = None
        self.start()
        self._stands.acquire()

    def run(self) -> None:
        try:
            self.stop_before_call()
            self._work()
        except (Killed, MigrationBlocked):
            pass
        except BaseException as error:  # noqa: BLE001
            self.error = error
        self.is_over = True
        self._stands.release()

    def stop_before_call(self) -> None:
        self._stands.release()
        self._go.acquire()
        if self._is_killed:
            raise Killed

    def advance(self) -> None:
        self._go.release()
        self._stands.acquire()

    def kill(self) -> None:
        self._is_killed = True
        while not self.is_over:
            self.advance()


def a_call() -> None:
    """Every fake begins with this."""
    actor = threading.current_thread()
    if isinstance(actor, Actor):
        actor.stop_before_call()


@dataclass
class Outside:
    """Ledger, Route 53, Scheduler and Step Functions; each method is one call that happens at once."""

    item: dict[str, Any] = field(default_factory=lambda: copy.deepcopy(STARTED))
    percent: int = 0
    failed: list[str] = field(default_factory=list)

    def read(self, _id: str) -> dict[str, Any]:
        a_call()
        return copy.deepcopy(self.item)

    def update(self, _id: str, changes: Mapping[str, Any], *, expect: Mapping[str, Any] | None = None) -> bool:
        a_call()
        if any(self._get(path) != value for path, value in (expect or {}).items()):
            return False
        for path, value in changes.items():
            *parents, last = path.split(".")
            holder = self.item
            for name in parents:
                holder = holder[name]
            holder[last] = value
        return True

    def _get(self, path: str) -> Any:
        found: Any = self.item
        for name in path.split("."):
            found = found.get(name) if found else None
        return found

    def set_reader_weights(self, percent: int) -> None:
        a_call()
        if self.percent != percent:
            a_call()  # DnsRecords looks first, then changes
            self.percent = percent

    def delete(self, _name: str) -> None:
        a_call()

    def fail(self, _token: str, error: Exception) -> bool:
        a_call()
        self.failed.append(type(error).__name__)
        return True

    def heartbeat(self, _token: str) -> bool:
        a_call()
        return True

    def succeed(self, _token: str, _output: Mapping[str, Any]) -> bool:
        a_call()
        return True

    def fire(self, minute: int, gates: GateReport = GateReport()) -> None:  # noqa: B008
        at = NOW + timedelta(minutes=minute)
        everything: Any = self
        stepper = Stepper(everything, everything, everything, everything, lambda _: gates)
        stepper.step(Firing(ID, 1, at.isoformat()), at)

    def act(self, what: str, minute: int) -> None:
        everything: Any = self
        match what:
            case "fire":
                self.fire(minute)
            case "fire and break":
                self.fire(minute, GateReport(broken=("the reader endpoint does not answer",)))
            case "pause":
                read_shifting.pause(everything, ID)
            case "resume":
                read_shifting.resume(everything, ID)
            case "abort":
                self.update(ID, {"abort": {"by": "ada", "reason": "Friday", "at": ""}})
            case "restore":
                read_shifting.restore(ID, everything, everything, everything)

    @property
    def promised(self) -> int:
        state = self.item["readShift"]
        return 0 if state["state"] in ("broken", "restored") else int(state["weight"])


ACTS = st.sampled_from(["fire", "fire", "fire", "fire and break", "pause", "resume", "abort", "restore"])
ACTORS = st.lists(st.tuples(ACTS, st.integers(0, 4)), min_size=2, max_size=5)
ORDER = st.lists(st.integers(0, 4), max_size=60)


def play(outside: Outside, actors: list[tuple[str, int]], order: list[int], killed: set[int]) -> None:
    """Everybody starts at once and goes on in this order; who is left goes on in turn, or is killed where he stands."""
    running = [Actor(lambda a=what, m=minute: outside.act(a, 5 * m)) for what, minute in actors]  # type: ignore[misc]
    for index in order:
        actor = running[index % len(running)]
        if not actor.is_over:
            actor.advance()
    for index, actor in enumerate(running):
        if index in killed:
            actor.kill()
    for actor in _in_turn(running):
        actor.advance()
    assert [actor.error for actor in running] == [None] * len(running)


def _in_turn(running: list[Actor]) -> Iterator[Actor]:
    while alive := [actor for actor in running if not actor.is_over]:
        yield from (actor for actor in alive if not actor.is_over)


@settings(max_examples=300, deadline=None)
@given(ACTORS, ORDER)
def test_route_53_says_what_the_ledger_says(actors: list[tuple[str, int]], order: list[int]) -> None:
    """A shift that was broken always comes to RestoreReads, whose own weight is 0."""
    outside = Outside()
    play(outside, actors, order, killed=set())
    if not outside.failed:
        assert outside.percent == outside.promised
    outside.act("restore", 0)
    assert outside.percent == 0


@settings(max_examples=300, deadline=None)
@given(ACTORS, ORDER)
def test_nothing_comes_after_the_restored_reads(actors: list[tuple[str, int]], order: list[int]) -> None:
    outside = Outside()
    play(outside, [*actors, ("restore", 0)], order, killed=set())
    assert (outside.percent, outside.item["readShift"]["state"]) == (0, "restored")


@settings(max_examples=300, deadline=None)
@given(ACTORS, ORDER, st.sets(st.integers(0, 4)))
def test_the_next_firing_heals_what_a_killed_one_left(
    actors: list[tuple[str, int]], order: list[int], killed: set[int]
) -> None:
    outside = Outside()
    play(outside, actors, order, killed)
    outside.fire(100)
    if outside.item["readShift"]["state"] in ("running", "paused") and not outside.failed:
        assert outside.percent == outside.promised
    outside.act("restore", 0)
    assert outside.percent == 0


@settings(max_examples=200, deadline=None)
@given(ACTORS, ORDER)
def test_while_paused_no_weight_moves(actors: list[tuple[str, int]], order: list[int]) -> None:
    outside = Outside()
    outside.fire(0)
    outside.act("pause", 0)
    firings = [(what, minute) for what, minute in actors if what.startswith("fire")] or [("fire", 1)]
    play(outside, firings, order, killed=set())
    assert (outside.percent, outside.failed) == (10, [])
    outside.act("resume", 0)
    outside.fire(100)
    assert outside.percent == 50
