"""What a look at the way back means. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from migration.reverse_slot import SlotHealth

MAX_LAG_SECONDS = 300.0
MAX_MISSING = 5
RECOVERED_LAG_SECONDS = 60.0
# DMS User Guide, "Replication task status": it works, or is on its way to.
WORKING = frozenset({"starting", "running"})


class Action(Enum):
    """What on-call has to be told."""

    NONE = "none"
    BROKEN = "broken"
    RECOVERED = "recovered"


@dataclass(frozen=True)
class Look:
    """What one firing saw.

    `arrived`: when the newest marker was written that the source has. `equal_until`: the source has every write that
    the target committed before it; older than `arrived`, since in batch apply a marker can overtake other tables, but
    not the marker written after its arrival. `missing`: markers, one a minute, that the source does not have.
    `problem`: why the source could not be asked. `slot` None: there is none.
    """

    task_status: str
    task_arn: str
    why: str
    slot: SlotHealth | None
    arrived: datetime
    equal_until: datetime
    seconds_behind: float
    missing: int
    problem: str

    @property
    def is_final(self) -> bool:
        """What the source has missed is nowhere kept for it any more."""
        return self.slot is None or self.slot.is_lost or not self.task_status

    @property
    def log_bytes(self) -> int | None:
        """How much log the source has not taken over."""
        return self.slot.behind_bytes if self.slot else None


def decide(state: str, look: Look, *, was_final: bool) -> tuple[Action, str]:
    """What on-call has to be told, and why it is broken ("" when it is not). `state` is `running` or `broken`.

    What was lost for good does not recover: the source lacks writes, whatever runs again later.
    """
    reason = _breakage(look)
    if reason and (state == "running" or (look.is_final and not was_final)):
        return Action.BROKEN, reason
    well = look.task_status == "running" and look.missing == 0 and look.seconds_behind <= RECOVERED_LAG_SECONDS
    if state == "broken" and well and not reason and not was_final:
        return Action.RECOVERED, ""
    return Action.NONE, reason


def _breakage(look: Look) -> str:
    if not look.task_status:
        return "its DMS task does not exist any more."
    if look.slot is None:
        return "its replication slot on the target does not exist any more."
    if look.slot.is_lost:
        return "the target has thrown away log that its replication slot needed (max_slot_wal_keep_size)."
    if look.task_status not in WORKING:
        return f"its DMS task is {look.task_status}{look.why}."
    if look.seconds_behind > MAX_LAG_SECONDS or look.missing >= MAX_MISSING:
        seen = look.problem or "its DMS task runs, but nothing arrives"
        return f"the source is {look.seconds_behind:.0f} s behind: {seen}."
    return ""
