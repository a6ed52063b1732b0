"""What one firing of the read shift's schedule does. Pure: state, firing and gates in, decision with a reason out.

Scheduler delivers at least once and within a minute (AWS_RULES R7.1), so a firing may come twice, late or out of order:
only one that is newer than the last one, of the running generation and younger than one interval counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

GRACE_FIRINGS = 3  # a passing lag or a busy cluster holds the weights this often in a row before it breaks the shift
COMPLETE_PERCENT = 100
RUNNING, PAUSED = "running", "paused"
LIVE = frozenset({RUNNING, PAUSED})


@dataclass(frozen=True)
class ShiftState:
    """What the ledger remembers under `readShift`. State: `running`, `paused`, then `done`, `broken` or `restored`."""

    task_token: str
    generation: int
    steps: list[int]
    interval_minutes: int
    weight: int = 0
    held: int = 0
    last_scheduled_time: str = ""
    state: str = RUNNING

    @property
    def promised_weight(self) -> int:
        """What Route 53 must give the target: once the reads were taken back nothing, whatever a late firing wanted."""
        return 0 if self.state in ("broken", "restored") else self.weight


@dataclass(frozen=True)
class Firing:
    """One invocation by the schedule; the time is ISO 8601 UTC, as Scheduler fills it in."""

    migration_id: str
    generation: int
    scheduled_time: str


@dataclass(frozen=True)
class GateReport:
    """What was found: `broken` ends the shift at once, `holding` keeps the weights for now. One clause each."""

    broken: tuple[str, ...] = ()
    holding: tuple[str, ...] = ()


class Action(Enum):
    """`IGNORE` does nothing at all; the others are heartbeats, except `ABORT` and `BREAK`."""

    IGNORE = "ignore"
    ABORT = "abort"
    REST = "rest"
    STEP = "step"
    HOLD = "hold"
    BREAK = "break"


@dataclass(frozen=True)
class Decision:
    """`weight` is the target's share of reads from now on, in percent."""

    action: Action
    weight: int
    reason: str


def irrelevance(state: ShiftState | None, firing: Firing, now: datetime) -> str | None:
    """Why this firing must do nothing; None when it counts."""
    if state is None or state.state not in LIVE:
        return "no read shift is running"
    if firing.generation != state.generation:
        return f"generation {firing.generation} is over, {state.generation} is running"
    at = datetime.fromisoformat(firing.scheduled_time)
    if state.last_scheduled_time and at <= datetime.fromisoformat(state.last_scheduled_time):
        return "a firing as new as this one was handled already"
    if now - at > timedelta(minutes=state.interval_minutes):
        return "the firing is older than one interval"
    return None


def decide(state: ShiftState, gates: GateReport) -> Decision:
    """The next step when all gates hold; the same weight within the grace; 0 when the shift is broken."""
    if gates.broken:
        return Decision(Action.BREAK, 0, "; ".join(gates.broken))
    if gates.holding and state.held >= GRACE_FIRINGS:
        return Decision(Action.BREAK, 0, f"{'; '.join(gates.holding)} for {state.held + 1} firings in a row")
    if gates.holding:
        return Decision(Action.HOLD, state.weight, "; ".join(gates.holding))
    weight = next((step for step in state.steps if step > state.weight), COMPLETE_PERCENT)
    return Decision(Action.STEP, weight, "all gates hold")
