"""Runs the read shift: starts the schedule, handles a firing, takes everything back."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration.abort import abort_wish
from migration.context import require_unfinished
from migration.errors import GateBroken, MigrationBlocked
from migration.executions import Executions
from migration.ledger import Ledger
from migration.logs import logger
from migration.model import MigrationPlan, ReadShift, from_json, to_json
from migration.read_shift import (
    COMPLETE_PERCENT,
    LIVE,
    PAUSED,
    RUNNING,
    Action,
    Decision,
    Firing,
    GateReport,
    ShiftState,
    decide,
    irrelevance,
)
from migration.route53 import DnsRecords
from migration.scheduler import SCHEDULED_TIME, Schedules


def schedule_name(migration_id: str, generation: int) -> str:
    """`crossfade-reads-orders-db-1f0c9a2b-1`: a new generation has a schedule of its own."""
    return f"crossfade-reads-{migration_id}-{generation}"


def read_state(ledger: Ledger, migration_id: str) -> ShiftState | None:
    """The read shift as the ledger remembers it, None when none was started."""
    return _state_in(ledger.read(migration_id))


def _state_in(remembered: Mapping[str, Any]) -> ShiftState | None:
    return from_json(ShiftState, remembered["readShift"]) if "readShift" in remembered else None


def start(
    plan: MigrationPlan, task_token: str, ledger: Ledger, schedules: Schedules, function_arn: str, now: datetime
) -> ShiftState:
    """Keeps the token under a new generation, then creates the schedule whose first firing is now."""
    old, shift = read_state(ledger, plan.migration_id), plan.options.read_shift
    state = _new_state(task_token, old, shift)
    if old:
        schedules.delete(schedule_name(plan.migration_id, old.generation))
    ledger.update(plan.migration_id, {"readShift": to_json(state)})
    payload = {
        "migrationId": plan.migration_id,
        "generation": state.generation,
        "scheduledTime": SCHEDULED_TIME,
    }
    name = schedule_name(plan.migration_id, state.generation)
    schedules.every(name, shift.interval_minutes, now, function_arn, payload)
    return state


def _new_state(task_token: str, old: ShiftState | None, shift: ReadShift) -> ShiftState:
    generation, weight = (old.generation + 1, old.promised_weight) if old else (1, 0)
    state = PAUSED if old and old.state == PAUSED else RUNNING
    return ShiftState(task_token, generation, shift.steps, shift.interval_minutes, weight, state=state)


@dataclass(frozen=True)
class Stepper:
    """Handles one firing at a time; two at once are told apart by a conditional write."""

    ledger: Ledger
    records: DnsRecords
    schedules: Schedules
    executions: Executions
    look: Callable[[datetime], GateReport]

    def step(self, firing: Firing, now: datetime) -> Decision:
        """Does what the firing is for, at most once. The decision says what was done and why."""
        remembered = self.ledger.read(firing.migration_id)
        state, wish = _state_in(remembered), abort_wish(remembered)
        why_not = irrelevance(state, firing, now)
        if state is None or why_not:
            return self._ignore(firing, state, why_not or "")
        if wish:
            if not self.executions.fail(state.task_token, wish):
                self.schedules.delete(schedule_name(firing.migration_id, firing.generation))
            return Decision(Action.ABORT, state.weight, str(wish))
        if state.state == PAUSED:  # the gates may well be closed by what it was paused for
            decision = Decision(Action.REST, state.weight, "an operator paused the read shift")
        else:
            decision = decide(state, self.look(now))
        logger.info("read shift: %s to %s %%: %s", decision.action.value, decision.weight, decision.reason)
        return self._carry_out(state, firing, decision)

    def _carry_out(self, state: ShiftState, firing: Firing, decision: Decision) -> Decision:
        if decision.action is Action.BREAK:
            self._break(state, firing, decision)
        elif decision.action is not Action.REST and not self._remember(state, firing, decision):
            return Decision(Action.IGNORE, state.weight, "another firing was faster")
        else:
            self._apply(firing)
            self._answer(state, firing, decision)
        return decision

    def _break(self, state: ShiftState, firing: Firing, decision: Decision) -> None:
        """Remembered last: when one of these fails, the firing is delivered again and does all of them again."""
        self.records.set_reader_weights(0)
        self.executions.fail(state.task_token, GateBroken(f"The read shift was stopped: {decision.reason}."))
        self.schedules.delete(schedule_name(firing.migration_id, firing.generation))
        if not self._remember(state, firing, decision):
            self._apply(firing)  # a faster firing may have ended the shift meanwhile: then its weight holds

    def _ignore(self, firing: Firing, state: ShiftState | None, reason: str) -> Decision:
        logger.info("read shift: ignored: %s", reason)
        if state is None or state.state not in LIVE or firing.generation != state.generation:
            self.schedules.delete(schedule_name(firing.migration_id, firing.generation))
        return Decision(Action.IGNORE, state.weight if state else 0, reason)

    def _remember(self, state: ShiftState, firing: Firing, decision: Decision) -> bool:
        after = dataclasses.replace(
            state,
            weight=decision.weight,
            held=state.held + 1 if decision.action is Action.HOLD else 0,
            last_scheduled_time=firing.scheduled_time,
            state="broken" if decision.action is Action.BREAK else RUNNING,
        )
        expected = {
            "readShift.generation": state.generation,
            "readShift.state": RUNNING,
            "readShift.lastScheduledTime": state.last_scheduled_time,
        }
        return self.ledger.update(firing.migration_id, {"readShift": to_json(after)}, expect=expected)

    def _apply(self, firing: Firing) -> None:
        """Route 53 follows the ledger: whoever writes last has seen that nobody changed the ledger meanwhile.

        So neither a slower firing nor one that a compensation has overtaken leaves a weight of its own.
        """
        wanted = -1
        while (promised := self._promised_weight(firing)) != wanted:
            wanted = promised
            self.records.set_reader_weights(wanted)

    def _promised_weight(self, firing: Firing) -> int:
        state = read_state(self.ledger, firing.migration_id)
        return state.promised_weight if state else 0

    def _answer(self, state: ShiftState, firing: Firing, decision: Decision) -> None:
        name = schedule_name(firing.migration_id, firing.generation)
        if decision.weight == COMPLETE_PERCENT and decision.action is Action.STEP:
            self.executions.succeed(
                state.task_token, {"weight": decision.weight, "lastScheduledTime": firing.scheduled_time}
            )
            self.ledger.update(firing.migration_id, {"readShift.state": "done"})
            self.schedules.delete(name)
        elif not self.executions.heartbeat(state.task_token):
            logger.warning("read shift: nobody waits for it any more")
            self.schedules.delete(name)


def restore(migration_id: str, ledger: Ledger, schedules: Schedules, records: DnsRecords) -> str | None:
    """All reads go to the source and no schedule is left. Idempotent. The Route 53 change to wait for, if any."""
    state = read_state(ledger, migration_id)
    if state:
        ledger.update(migration_id, {"readShift.state": "restored", "readShift.weight": 0})
        schedules.delete(schedule_name(migration_id, state.generation))
    return records.set_reader_weights(0)


def pause(ledger: Ledger, migration_id: str) -> dict[str, Any]:
    """The weights stay as they are until `resume`; firings only say that the shift lives. Doing it twice is fine.

    Result `{"readShift", "weight"}`. Raises MigrationBlocked when no read shift is under way.
    """
    return _turn(ledger, migration_id, PAUSED)


def resume(ledger: Ledger, migration_id: str) -> dict[str, Any]:
    """The next firing steps again. Like `pause`."""
    return _turn(ledger, migration_id, RUNNING)


def _turn(ledger: Ledger, migration_id: str, wanted: str) -> dict[str, Any]:
    before = RUNNING if wanted == PAUSED else PAUSED
    ledger.update(migration_id, {"readShift.state": wanted}, expect={"readShift.state": before})
    remembered = require_unfinished(ledger, migration_id)
    state = _state_in(remembered)
    if state is None or state.state != wanted or "abort" in remembered:
        raise MigrationBlocked(f"No read shift of the migration {migration_id} is under way: {_why_none(remembered)}.")
    return {"readShift": state.state, "weight": state.weight}


def _why_none(remembered: Mapping[str, Any]) -> str:
    state = _state_in(remembered)
    if state is None:
        return "it has not begun"
    if state.state in LIVE:
        return "an operator asked to stop the migration"
    return "all reads go to the target already" if state.state == "done" else "all reads were taken back to the source"
