"""Scheduler delivers the firings of the read shift twice, late and in another order: no step is taken twice or back."""

from collections.abc import Callable, Mapping
from itertools import pairwise
from typing import Any

from rehearsal.checks import faults_struck
from rehearsal.light import Scenario, Story

STEPS = [10, 25, 50, 75, 100]
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "twice": {"name": "schedule-twice", "times": None},
    "late": {"name": "schedule-late", "intervals": 3, "times": None},
    "out_of_order": {"name": "schedule-late", "intervals": 8, "probability": 0.5, "seed": 3},
}


def story(fault: Mapping[str, Any]) -> Callable[[Story], None]:
    """A migration whose schedules are delivered with this fault."""

    def tell(it: Story) -> None:
        it.fault(kind="event", **fault)
        it.start()

    return tell


def only_forward(it: Story) -> list[str]:
    """The share of the reads never went down, and never over a step."""
    shares = [sample.reader.get("target", 0) for sample in it.samples]
    shares = [share for share in shares if share]
    wrong = [f"the share of reads went from {a} to {b} %" for a, b in pairwise(shares) if b < a]
    return wrong + [f"the share of reads was {share} %" for share in shares if share not in STEPS]


SCENARIOS = [
    Scenario(
        f"fail_scheduler_{name}",
        story(fault),
        ends=("Complete",),
        options={"readShift": {"steps": STEPS, "intervalMinutes": 1}},
        checks=(faults_struck, only_forward),
    )
    for name, fault in FAULTS.items()
]
