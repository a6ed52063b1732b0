"""Puts the verdict of a run together, in the shape of DESIGN.md, with what explains it beside."""

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rehearsal import verdict
from rehearsal.evidence import Seen
from rehearsal.execution import Stage
from rehearsal.verdict import Data, Finding, Window

SHOWN_FINDINGS = 20
CUT_OVER, SWITCH_BACK, DRILL = "CutOver", "SwitchBack", "DrillFailover"
AFTER_CUT_OVER_SECONDS = 5.0


@dataclass(frozen=True)
class Run:
    """What happened around the data: the execution and the account's records of it."""

    scenario: str
    outcome: str | None
    began: float
    ended: float
    stages: Sequence[Stage]
    history_events: int
    calls: Sequence[Mapping[str, Any]]
    subjects: Sequence[str]
    cut_over: Mapping[str, Any] | None = None
    """What CutOver itself measured: its stall and each step, in milliseconds."""
    switch_back: Mapping[str, Any] | None = None
    """The same of SwitchBack."""
    expected_outcome: str | None = "SUCCEEDED"


def judge(run: Run, data: Data, seen: Seen) -> dict[str, Any]:
    """The verdict: figures first, then every finding behind them (at most 20 of a kind)."""
    lost, duplicated, diverged = verdict.lost(data), verdict.duplicated(data), verdict.diverged(data)
    requests = [*seen.write_requests, *seen.read_requests]
    closed = verdict.closed_since(seen.probes)
    return {
        "scenario": run.scenario,
        "engine": "postgresql",
        "outcome": run.outcome,
        "expected_outcome": run.expected_outcome,
        "elapsed_s": round(run.ended - run.began, 1),
        "writes": {
            "acknowledged": len(seen.writes),
            "lost": _subjects(lost),
            "duplicated": _subjects(duplicated),
            "diverged_rows": len(diverged),
        },
        "requests": {"total": len(requests), "failed": sum(each.failed for each in requests)},
        "write_stall_ms": _write_stall(run, seen),
        "read_stall_ms": {"max": _read_stall(run, seen)},
        "two_writers_ms": verdict.two_writers_ms(seen.probes, since=closed or run.began),
        "history_events": run.history_events,
        "denied_calls": _denied(run.calls),
        "unused_permissions": None,  # not measured: one scenario does not exercise every role
        "target_closed_after_s": round(closed - run.began, 1) if closed else None,
        "target_opened_before_close_ms": _open_before_close(seen, closed),
        "acknowledged_by": _by_server(seen),
        "cut_over": run.cut_over,
        "switch_back": run.switch_back,
        "stalls": _stalls(run, seen),
        "stages": [asdict(stage) for stage in run.stages],
        "messages": list(run.subjects),
        "findings": _shown(lost) + _shown(duplicated) + _shown(diverged),
    }


def _write_stall(run: Run, seen: Seen) -> dict[str, float]:
    """p50: half of the writers had no longer request around the cut-over; max: the longest of the whole execution."""
    around = _longest_around(CUT_OVER, run, seen)
    longest = verdict.longest_per_caller(seen.write_requests, (_started(run), run.ended))
    return {
        "p50": _median(around) or 0.0,
        "max": round(max(longest.values(), default=0.0), 1),
        "longest_gap": verdict.longest_gap_ms(
            each.acknowledged_at for each in seen.writes if each.acknowledged_at >= _started(run)
        ),
    }


def _stalls(run: Run, seen: Seen) -> dict[str, float | None]:
    """Both switches side by side, as the product measured them and as half of the writers felt them; back / forward."""
    forward, back = (each.get("stallMs") if each else None for each in (run.cut_over, run.switch_back))
    return {
        "cut_over_ms": forward,
        "switch_back_ms": back,
        "ratio": round(back / forward, 2) if forward and back else None,
        "cut_over_requests_ms": _median(_longest_around(CUT_OVER, run, seen)),
        "switch_back_requests_ms": _median(_longest_around(SWITCH_BACK, run, seen)),
    }


def _longest_around(state: str, run: Run, seen: Seen) -> dict[str, float]:
    window = window_of(state, run.stages)
    return verdict.longest_per_caller(seen.write_requests, window) if window else {}


def _median(longest: Mapping[str, float]) -> float | None:
    return round(statistics.median(longest.values()), 1) if longest else None


def _started(run: Run) -> float:
    """When the execution began: what the machine did before is no part of the migration."""
    return min((stage.entered for stage in run.stages), default=run.began)


def window_of(state: str, stages: Iterable[Stage]) -> Window | None:
    """From the first entry of the state until five seconds after it was left for the last time."""
    found = [stage for stage in stages if stage.name == state and stage.left is not None]
    return (found[0].entered, (found[-1].left or 0.0) + AFTER_CUT_OVER_SECONDS) if found else None


def _read_stall(run: Run, seen: Seen) -> float:
    """The longest time a reader went without an answer, the failover drill left out: it interrupts on purpose."""
    drills = [(stage.entered, stage.left or run.ended) for stage in run.stages if stage.name == DRILL]
    readers: dict[str, list[float]] = {}
    for each in seen.read_requests:
        if not each.failed and each.ended >= _started(run):
            readers.setdefault(each.caller, []).append(each.ended)
    return max((verdict.longest_gap_ms(moments, drills) for moments in readers.values()), default=0.0)


def _denied(calls: Iterable[Mapping[str, Any]]) -> list[str]:
    return sorted({f"{each['principal']}: {each['action']}" for each in calls if not each["allowed"]})


def _subjects(findings: Iterable[Finding]) -> int:
    return len({each.subject for each in findings})


def _shown(findings: Sequence[Finding]) -> list[dict[str, str]]:
    return [asdict(each) for each in findings[:SHOWN_FINDINGS]]


def _by_server(seen: Seen) -> dict[str, int]:
    servers = sorted({each.server for each in seen.writes})
    return {server: sum(each.server == server for each in seen.writes) for server in servers}


def _open_before_close(seen: Seen, closed: float | None) -> float:
    """How long the restored target took the watcher's writes before it was closed; no application knew it then."""
    accepted = [each.at for each in seen.probes if each.side == "target" and each.accepted]
    early = [at for at in accepted if closed is not None and at < closed]
    return round((max(early) - min(early)) * 1000, 1) if early else 0.0
