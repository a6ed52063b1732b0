"""Runs the cut-over: one invocation, forward to an open target or back to an unfenced source. The gate says which.

A run that finds the gate open goes forward only; sealed, it undoes what may be left; closed, it begins or goes on. So
it may be run again after any death, and of two runs at once the one that moves the gate decides.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from migration import cut_over_steps, gate
from migration.cut_over_steps import CutOverRun, Step
from migration.errors import CompensationFailed, CutOverUndone, FlipIncomplete, TargetAlreadyOpen
from migration.gate import Gate
from migration.logs import logger


def cut_over(
    run: CutOverRun,
    prepare: Sequence[Step] = cut_over_steps.PREPARE,
    stall: Sequence[Step] = cut_over_steps.STALL,
    finish: Sequence[Step] = cut_over_steps.FINISH,
) -> dict[str, Any]:
    """Result: `{"stallMs", "steps": {name: ms}, "terminatedSessions", "markerMs", "targetPosition", "writer"}`.

    Raises SourceBusy (nothing was fenced), CutOverUndone (the source is the writer), CompensationFailed (undoing
    failed), FlipIncomplete (the target is open; run again).
    """
    remembered = run.ledger.read(run.plan.migration_id)
    if "cutOver" in remembered:
        return dict(remembered["cutOver"])
    state, steps_ms = gate.read_gate(run.target), dict[str, float]()
    run.fenced_at = float(remembered.get("fence", {}).get("at", 0))
    if state is Gate.SEALED:
        _undo(run, stall, CutOverUndone("an earlier run was undone"))
    if state is Gate.CLOSED:
        _go(run, prepare if run.fenced_at == 0 else (), stall, steps_ms)
    return _finish(run, finish, steps_ms)


def _go(run: CutOverRun, prepare: Sequence[Step], stall: Sequence[Step], steps_ms: dict[str, float]) -> None:
    for step in prepare:
        _timed(run, step, steps_ms)
    try:
        for step in stall:
            run.check_time()
            _timed(run, step, steps_ms)
    except Exception as error:  # noqa: BLE001  (whatever it is, the source must not stay fenced)
        _undo(run, stall, error)


def _undo(run: CutOverRun, stall: Sequence[Step], reason: Exception) -> None:
    """Undoes every step, whether this run or a dead one did it: undoing what was not done changes nothing.

    Returns only when the target turns out to be open; else raises CutOverUndone or CompensationFailed.
    """
    logger.warning("undoing the cut-over: %s", reason)
    try:
        with run.sides.target_admin() as session:
            gate.seal_gate(session)
        for step in reversed(stall):
            if step.undo:
                step.undo(run)
    except TargetAlreadyOpen:
        return
    except Exception as error:
        raise CompensationFailed(f"The cut-over failed ({reason}) and undoing it failed too: {error}") from error
    raise CutOverUndone(f"The cut-over was undone, the source is the writer: {reason}") from reason


def _finish(run: CutOverRun, finish: Sequence[Step], steps_ms: dict[str, float]) -> dict[str, Any]:
    stall_ms = 0.0
    try:
        for step in finish:
            _timed(run, step, steps_ms)
            stall_ms = stall_ms or _stall_seconds(run) * 1000
        result = _result(run, stall_ms, steps_ms)
        run.remember_fence("fenced", cutOver=result)
    except Exception as error:
        raise FlipIncomplete(f"The target is the writer, but publishing that failed: {error}") from error
    return result


def _stall_seconds(run: CutOverRun) -> float:
    """Until now: by this run's own fence, or for a run that goes on after a death by the journal."""
    return time.monotonic() - run.stalled_since if run.stalled_since else time.time() - run.fenced_at


def _result(run: CutOverRun, stall_ms: float, steps_ms: dict[str, float]) -> dict[str, Any]:
    target = run.sides.target
    return {
        "stallMs": round(stall_ms),
        "steps": steps_ms,
        "terminatedSessions": run.terminated_sessions,
        "markerMs": round(run.marker_ms, 1),
        "targetPosition": run.target_position,
        "writer": {"host": target.writer_host, "port": target.port, "generation": run.generation},
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _timed(run: CutOverRun, step: Step, steps_ms: dict[str, float]) -> None:
    started = time.monotonic()
    step.do(run)
    steps_ms[step.name] = round((time.monotonic() - started) * 1000, 1)
