"""What is compared on one trace, and how it is printed."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from bench.capacity_nights import LIMITS, Nights, run_nights
from bench.capacity_trace import WIDE, Score, Trace, hindsight, read_trace, score_article, score_constant
from migration.capacity_advice import CapacityPolicy
from migration.capacity_bill import Prices, Verdict, verdict
from migration.capacity_range import CapacityRange, first_range

SHARES = (0.001, 0.005, 0.01)
PROMISE = 0.005
# The shared traces' README: ACU-hours and violating minutes of wide, the article's range and the cheapest in hindsight.
PUBLISHED = {
    "rds_cpu_utilization_cc0c53": ((1565, 18), (1467, 693), (1560, 21)),
    "ec2_cpu_utilization_ac20cd": ((7186, 9), (5850, 2267), (6690, 9)),
    "ec2_cpu_utilization_77c1ca": ((3171, 319), (4100, 176), (9754, 45)),
    "nyc_taxi": ((5800, 30), (6005, 16), (5791, 30)),
    "grok_asg_anomaly": ((9520, 122), (10189, 2), (9267, 49)),
}


@dataclass(frozen=True)
class Comparison:
    """One trace. `ours` by promised share of violating minutes; `unsized`: ours when the source's size is unknown."""

    trace: Trace
    wide: Score
    article: Score
    hindsight: dict[float, Score]
    ours: dict[float, Nights]
    unsized: Nights
    verdict: Verdict
    hindsight_verdict: Verdict

    @property
    def ratio(self) -> float:
        """Cost of ours over the cheapest constant range in hindsight, at the promise."""
        return self.ours[PROMISE].score.acu_hours / self.hindsight[PROMISE].acu_hours

    def as_json(self) -> dict[str, Any]:
        rows = {name: (s.acu_hours, s.violation_minutes) for name, s, _ in _rows(self)}
        return {"trace": self.trace.name, "acuHoursAndViolationMinutes": rows, "verdict": self.verdict.choice}


def compare(path: Path, source_acu: float) -> Comparison:
    """Replay one trace. ValueError for a file that is none."""
    trace = read_trace(path, source_acu)
    start = first_range(source_acu, LIMITS)
    ours = {share: run_nights(trace, start, CapacityPolicy(violation_share=share)) for share in SHARES}
    best = hindsight(trace, SHARES)
    last = ours[PROMISE].advice[-1].verdict
    assert last is not None, "a trace of 14 days is never too thin"
    return Comparison(
        trace=trace,
        wide=score_constant(trace, *WIDE),
        article=score_article(trace),
        hindsight=best,
        ours=ours,
        unsized=run_nights(trace, CapacityRange(*WIDE), CapacityPolicy()),
        verdict=last,
        hindsight_verdict=verdict(best[PROMISE].acu_hours / 7.0, trace.scored, 1, PROMISE, Prices()),
    )


def _rows(c: Comparison) -> list[tuple[str, Score, str]]:
    published = PUBLISHED.get(c.trace.name)
    notes = [f"shared table {hours} ({minutes})" for hours, minutes in published] if published else [""] * 3
    rows = [(f"wide {WIDE[0]}-{WIDE[1]:g}", c.wide, notes[0])]
    rows += [(f"article, last {c.article.min_acu:.1f}-{c.article.max_acu:.1f}", c.article, notes[1])]
    for share in SHARES:
        best, mine = c.hindsight[share], c.ours[share]
        label = f"hindsight {best.min_acu:g}-{best.max_acu:g}"
        rows.append((f"{label}, {share:.1%}", best, notes[2] if share == PROMISE else ""))
        rows.append((f"ours, {share:.1%}", mine.score, f"max changed {mine.max_changes} times"))
    return [*rows, ("ours, source size unknown", c.unsized.score, f"max changed {c.unsized.max_changes} times")]


def table(c: Comparison) -> str:
    """Rows of ACU-hours, violating minutes and cost over the cheapest constant range in hindsight."""
    base = c.hindsight[PROMISE].acu_hours
    lines = [f"{c.trace.name}: scored week, ACU-hours (violating minutes of 10,080), cost / hindsight {PROMISE:.1%}"]
    lines += [
        f"  {name:30s} {s.acu_hours:8.0f} ({s.violation_minutes:4.0f})  {s.acu_hours / base:5.2f}  {note}"
        for name, s, note in _rows(c)
    ]
    return "\n".join([*lines, f"  ours {c.verdict}", f"  hindsight {c.hindsight_verdict}", ""])


def summary(comparisons: list[Comparison]) -> str:
    """The targets of the capacity issue, over all traces given."""
    mine = [c.ours[PROMISE].score for c in comparisons]
    kept = sum(s.violation_minutes <= PROMISE * 10_080 for s in mine)
    worse = sum(s.violation_minutes > c.wide.violation_minutes for s, c in zip(mine, comparisons, strict=True))
    agree = sum(c.verdict.choice == c.hindsight_verdict.choice for c in comparisons)
    unsized = [c.unsized.score.acu_hours / c.hindsight[PROMISE].acu_hours for c in comparisons]
    ratios = [c.ratio for c in comparisons]
    largest = f"largest {max(ratios):.2f}, above 1.10 on {sum(ratio > 1.1 for ratio in ratios)}"
    lines = [
        f"{len(ratios)} traces: promise of {PROMISE:.1%} kept on {kept}, more violating minutes than wide on {worse}",
        f"cost / hindsight: geometric mean {statistics.geometric_mean(ratios):.3f}, {largest}",
        f"source size unknown: geometric mean {statistics.geometric_mean(unsized):.3f}, largest {max(unsized):.2f}",
        f"verdict as in hindsight on {agree}",
    ]
    for share in SHARES:
        ratios = [c.ours[share].score.acu_hours / c.hindsight[share].acu_hours for c in comparisons]
        minutes = [c.ours[share].score.violation_minutes for c in comparisons]
        lines.append(
            f"frontier {share:.1%}: cost / hindsight {statistics.geometric_mean(ratios):.3f}, "
            f"median {np.median(minutes):.0f} minutes, kept on {sum(m <= share * 10_080 for m in minutes)}"
        )
    return "\n".join(lines)
