"""A run on one page: the verdict in words, and a picture of requests per second with the states behind them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal.evidence import Seen
from rehearsal.one import Outcome
from rehearsal.verdict import broken_promises

SHORTEST_LABELLED_SHARE = 0.03


def write(directory: Path, verdict: Mapping[str, Any], seen: Seen) -> Path:
    """Writes report.md and requests.png; the report's path."""
    draw(directory / "requests.png", verdict, seen)
    path = directory / "report.md"
    path.write_text(markdown(verdict), encoding="utf-8")
    return path


def markdown(verdict: Mapping[str, Any]) -> str:
    """The report's text."""
    broken = verdict.get("broken", broken_promises(verdict))
    judged = "Every promise was kept." if not broken else "**Broken promises:** " + "; ".join(broken) + "."
    writes, requests, stall = verdict["writes"], verdict["requests"], verdict["write_stall_ms"]
    rows = {
        "outcome": verdict["outcome"],
        "elapsed": f"{verdict['elapsed_s']} s",
        "acknowledged writes": writes["acknowledged"],
        "lost / duplicated / diverged rows": f"{writes['lost']} / {writes['duplicated']} / {writes['diverged_rows']}",
        "requests, failed": f"{requests['total']}, {requests['failed']}",
        "write stall p50 / max": f"{stall['p50']} / {stall['max']} ms",
        "read stall max": f"{verdict['read_stall_ms']['max']} ms (failover drill excluded)",
        "two writers": f"{verdict['two_writers_ms']} ms",
        "history events": verdict["history_events"],
        "denied calls": ", ".join(verdict["denied_calls"]) or "none",
    }
    table = ["| measured | value |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]
    stages = ["| state | seconds |", "|---|---|", *(_stage_row(stage) for stage in verdict["stages"])]
    findings = [f"- {each['kind']}: {each['subject']}: {each['why']}" for each in verdict["findings"]]
    parts = [
        f"# Rehearsal `{verdict['scenario']}`",
        judged,
        "\n".join(table),
        "![requests per second](requests.png)",
        "## States",
        "\n".join(stages),
        *(["## Findings", "\n".join(findings)] if findings else []),
        "## Messages to on-call",
        "\n".join(f"- {subject}" for subject in verdict["messages"]) or "none",
    ]
    return "\n\n".join(parts) + "\n"


def of_many(outcomes: Sequence[Outcome]) -> str:
    """A page about many scenarios: the table, what was broken, and where each spent its time."""
    rows = [
        f"| {each.name} | {each.end} | {'held' if not each.broken else f'{len(each.broken)} broken'}"
        f" | {_or_dash(each.lost)} | {_or_dash(each.stall_ms)} | {each.seconds} |"
        for each in outcomes
    ]
    head = ["| scenario | end state | invariants | lost | stall ms | seconds |", "|---|---|---|---:|---:|---:|"]
    broken = [f"- {each.name}: {sentence}" for each in outcomes for sentence in each.broken]
    judged = f"{len(outcomes)} scenarios; " + ("every invariant held." if not broken else "**invariants were broken:**")
    parts = ["# Rehearsals", judged, "\n".join(broken), "\n".join([*head, *rows])]
    return "\n\n".join(part for part in parts if part) + "\n"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:g}"


def draw(path: Path, verdict: Mapping[str, Any], seen: Seen) -> None:
    """Requests per second by server over the run, with a band for each state."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    began = min((stage["entered"] for stage in verdict["stages"]), default=0.0)
    figure, axes = pyplot.subplots(figsize=(12, 4.5))
    for server in verdict["acknowledged_by"]:
        seconds, rates = per_second(each.acknowledged_at - began for each in seen.writes if each.server == server)
        axes.plot(seconds, rates, label=f"writes acknowledged by {server}")
    seconds, rates = per_second(each.ended - began for each in seen.read_requests if not each.failed)
    axes.plot(seconds, rates, label="reads", linewidth=0.8)
    _draw_stages(axes, verdict["stages"], began)
    axes.set_xlabel("seconds since the execution started")
    axes.set_ylabel("requests per second")
    axes.legend(loc="lower right", fontsize="small")
    figure.tight_layout()
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def per_second(moments: Iterable[float]) -> tuple[list[int], list[int]]:
    """Counts by second: (seconds, counts), seconds without any in between included."""
    counts = Counter(int(moment // 1) for moment in moments)
    seconds = list(range(min(counts), max(counts) + 1)) if counts else []
    return seconds, [counts[second] for second in seconds]


def _draw_stages(axes: Any, stages: Sequence[Mapping[str, Any]], began: float) -> None:
    if not stages:
        return
    total = max(stage["left"] or stage["entered"] for stage in stages) - began
    for number, stage in enumerate(stages):
        left = stage["left"] or stage["entered"]
        axes.axvspan(stage["entered"] - began, left - began, color="0.93" if number % 2 else "0.98", zorder=0)
        if left - stage["entered"] > SHORTEST_LABELLED_SHARE * total:
            middle = (stage["entered"] + left) / 2 - began
            place = {"transform": axes.get_xaxis_transform(), "ha": "center", "va": "bottom", "clip_on": True}
            axes.text(middle, 0.02, stage["name"], rotation=90, fontsize=7, **place)


def _stage_row(stage: Mapping[str, Any]) -> str:
    seconds = f"{stage['left'] - stage['entered']:.1f}" if stage["left"] else "not left"
    return f"| {stage['name']} | {seconds} |"
