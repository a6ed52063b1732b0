"""Moves the writer: one invocation, forward to an open new writer or back to an unfenced old one. The gate says which.

A run that finds the gate open goes forward only; sealed, it undoes what may be left; closed, it begins or goes on. So
it may be run again after any death, and of two runs at once the one that moves the gate decides.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from migration.cut_over_run import CutOverRun, Step
from migration.errors import (
    CompensationFailed,
    CutOverUndone,
    FlipIncomplete,
    SourceAlreadyOpen,
    StateDrifted,
    TargetAlreadyOpen,
)
from migration.gate import Gate
from migration.logs import logger


def move_writer(
    run: CutOverRun, prepare: Sequence[Step], stall: Sequence[Step], finish: Sequence[Step]
) -> dict[str, Any]:
    """Result: `{"stallMs", "steps": {name: ms}, "terminatedSessions", "markerMs", "targetPosition", "writer",
    "dnsChange", "at"}`.

    Raises SourceBusy (nothing was fenced), CutOverUndone (the old writer is the writer), CompensationFailed (undoing
    failed), FlipIncomplete (the new writer is open; run again).
    """
    remembered = run.ledger.read(run.plan.migration_id)
    if result := run.direction.result_in(remembered):
        return result
    run.recall_fence(remembered)
    state, steps_ms = run.direction.gate.read(run.new), dict[str, float]()
    if state is Gate.SEALED:
        _undo(run, stall, CutOverUndone("an earlier run was undone"))
    if state is Gate.CLOSED:
        _go(run, prepare if run.fenced_at == 0 else (), stall, steps_ms)
    return _finish(run, finish, steps_ms)


def finish_move(run: CutOverRun, finish: Sequence[Step]) -> dict[str, Any]:
    """The rest of `move_writer` once the new writer is open. Raises FlipIncomplete until it is published."""
    remembered = run.ledger.read(run.plan.migration_id)
    if result := run.direction.result_in(remembered):
        return result
    run.recall_fence(remembered)
    state = run.direction.gate.read(run.new)
    if state is not Gate.OPEN:
        raise StateDrifted(f"The {run.direction.new.value} is to be published, but its gate is {state.value}.")
    return _finish(run, finish, {})


def _go(run: CutOverRun, prepare: Sequence[Step], stall: Sequence[Step], steps_ms: dict[str, float]) -> None:
    for step in prepare:
        _timed(run, step, steps_ms)
    try:
        for step in stall:
            run.check_time()
            _timed(run, step, steps_ms)
    except Exception as error:  # noqa: BLE001  (whatever it is, the old writer must not stay fenced)
        _undo(run, stall, error)


def _undo(run: CutOverRun, stall: Sequence[Step], reason: Exception) -> None:
    """Undoes every step, whether this run or a dead one did it: undoing what was not done changes nothing.

    Returns only when the new writer turns out to be open; else raises CutOverUndone or CompensationFailed.
    """
    logger.warning("undoing the %s: %s", run.direction.name, reason)
    try:
        with run.sides.admin(run.direction.new) as session:
            run.direction.gate.seal(session)
    except (TargetAlreadyOpen, SourceAlreadyOpen):
        return
    except Exception as error:
        raise _failed(run, reason, error) from error
    failures = [failure for step in reversed(stall) if (failure := _undo_step(run, step))]
    if failures:
        raise _failed(run, reason, failures[0]) from failures[0]
    text = f"The {run.direction.name} was undone, the {run.direction.old.value} is the writer: {reason}"
    raise CutOverUndone(text) from reason


def _undo_step(run: CutOverRun, step: Step) -> Exception | None:
    """One undo that fails must not keep the next one from lifting the fence."""
    try:
        if step.undo:
            logger.info("undo %s", step.name)
            step.undo(run)
    except Exception as error:  # noqa: BLE001
        return error
    return None


def _failed(run: CutOverRun, reason: Exception, error: Exception) -> CompensationFailed:
    return CompensationFailed(f"The {run.direction.name} failed ({reason}) and undoing it failed too: {error}")


def _finish(run: CutOverRun, finish: Sequence[Step], steps_ms: dict[str, float]) -> dict[str, Any]:
    stall_ms = 0.0
    try:
        for step in finish:
            _timed(run, step, steps_ms)
            stall_ms = stall_ms or _stall_seconds(run) * 1000
        result = _result(run, stall_ms, steps_ms)
        run.remember_fence("fenced", result)
    except Exception as error:
        text = f"The {run.direction.new.value} is the writer, but publishing that failed: {error}"
        raise FlipIncomplete(text) from error
    return result


def _stall_seconds(run: CutOverRun) -> float:
    """Until now: by this run's own fence, or for a run that goes on after a death by the journal."""
    return time.monotonic() - run.stalled_since if run.stalled_since else time.time() - run.fenced_at


def _result(run: CutOverRun, stall_ms: float, steps_ms: dict[str, float]) -> dict[str, Any]:
    writer = run.sides.address(run.direction.new)
    return {
        "stallMs": round(stall_ms),
        "steps": steps_ms,
        "terminatedSessions": run.terminated_sessions,
        "markerMs": round(run.marker_ms, 1),
        "targetPosition": run.target_position,
        "writer": {"host": writer.host, "port": writer.port, "generation": run.generation},
        "dnsChange": run.dns_change,
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _timed(run: CutOverRun, step: Step, steps_ms: dict[str, float]) -> None:
    logger.info("step %s", step.name)
    started = time.monotonic()
    step.do(run)
    steps_ms[step.name] = round((time.monotonic() - started) * 1000, 1)
