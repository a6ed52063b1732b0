"""A picture of one scored week: load, the capacity that served it, and the min by hour."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

from bench.capacity_report import PROMISE, Comparison


def draw(c: Comparison, path: Path) -> None:
    """Writes a PNG (or what the suffix says) to `path`."""
    mpl.rcParams["svg.hashsalt"] = "crossfade"
    ours, days = c.ours[PROMISE], 7.0 + np.arange(len(c.trace.scored)) / 288.0
    figure = Figure(figsize=(12, 5), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(days, c.trace.scored, color="#c8d3e0", label="load")
    axes.plot(days, ours.capacity, color="#1f5fa8", linewidth=0.9, label="capacity, ours")
    axes.step(days, ours.min_acu, color="#d1663a", linewidth=1.1, where="post", label="min by hour, ours")
    best = c.hindsight[PROMISE]
    axes.axhline(best.min_acu, color="#7a7a7a", linestyle="--", linewidth=0.8, label="min, cheapest in hindsight")
    axes.set(xlabel="day", ylabel="ACU", xlim=(7, 14), title=_title(c))
    axes.legend(loc="upper left", ncols=4, frameon=False)
    figure.savefig(path, dpi=110)


def _title(c: Comparison) -> str:
    ours, best = c.ours[PROMISE].score, c.hindsight[PROMISE]
    return (
        f"{c.trace.name}: ours {ours.acu_hours:.0f} ACU-hours ({ours.violation_minutes:.0f} violating minutes), "
        f"cheapest constant range in hindsight {best.acu_hours:.0f} ({best.violation_minutes:.0f})"
    )
