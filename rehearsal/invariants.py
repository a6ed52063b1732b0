"""What must hold in every scenario, whatever was broken on purpose. Pure: everything seen is an argument."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from rehearsal.belongings import SCHEDULE, Thing
from rehearsal.verdict import Probe, broken_promises

NAMED_STATES = frozenset({"PlanReady", "Complete", "MigrationRefused", "MigrationRolledBack"})
REMINDER = "remind"
SIDES = ("source", "target")
Weights = Mapping[str, int]
"""Weight by side; a simple record counts as 100 on its side."""


@dataclass(frozen=True)
class Records:
    """The weights of both records at one moment, seconds since 1970."""

    at: float
    writer: Weights
    reader: Weights


@dataclass(frozen=True)
class Ending:
    """How everything stood when the scenario was over.

    `state` is the last state of the last execution, or what it was doing; `accepting` the sides that took an
    application's write; `published` and `record` the side that the published endpoint and the writer record name.
    `new` are the belongings that were not there before, `message` what on-call was told of the end.
    """

    state: str
    expected: Sequence[str]
    accepting: frozenset[str]
    record: str
    published: str | None
    samples: Sequence[Records]
    new: frozenset[Thing] = frozenset()
    message: str = ""
    slots: Sequence[str] = field(default_factory=tuple)
    """Replication slots left on either side, as "side: name"."""


def broken(ending: Ending, judged: Mapping[str, Any]) -> list[str]:
    """One sentence for each invariant that did not hold. `judged` is what judgement.judge said of data and requests."""
    return [
        *broken_promises(judged),
        *_end(ending),
        *_writer(ending),
        *_weights(ending),
        *_leftovers(ending),
    ]


def _end(ending: Ending) -> Iterable[str]:
    if ending.state not in NAMED_STATES:
        yield f"the execution did not end in a named state: {ending.state}"
    elif ending.state not in ending.expected:
        yield f"the execution ended in {ending.state}, not in {' or '.join(ending.expected)}"


def _writer(ending: Ending) -> Iterable[str]:
    """Exactly one side takes writes, and it is where record and published endpoint lead."""
    if len(ending.accepting) != 1:
        sides = " and ".join(sorted(ending.accepting)) or "no side"
        yield f"at the end {sides} took an application's write"
        return
    (writer,) = ending.accepting
    if ending.record != writer:
        yield f"the writer record leads to the {ending.record}, writes are taken by the {writer}"
    if ending.published not in (None, writer):
        yield f"the published writer is the {ending.published}, writes are taken by the {writer}"


def _weights(ending: Ending) -> Iterable[str]:
    for sample in ending.samples:
        if all(sample.writer.get(side, 0) > 0 for side in SIDES):
            yield f"at {sample.at:.2f} both sides had weight in the writer record: {dict(sample.writer)}"
            break
    for sample in ending.samples:
        empty = [name for name in ("writer", "reader") if not any(getattr(sample, name).values())]
        if empty:
            yield f"at {sample.at:.2f} the {empty[0]} record answered nothing: all weights were 0"
            break
    last = ending.samples[-1]
    for name, weights in (("writer", last.writer), ("reader", last.reader)):
        carrying = [side for side in SIDES if weights.get(side, 0) > 0]
        if len(carrying) != 1:
            yield f"the {name} record was left with weights {dict(weights)}"
        elif ending.accepting and carrying[0] not in ending.accepting:
            yield f"the {name} record was left on the {carrying[0]}, which takes no writes"


def _leftovers(ending: Ending) -> Iterable[str]:
    for kind, name in sorted(ending.new):
        if kind == SCHEDULE and not (ending.state == "Complete" and REMINDER in name):
            yield f"the schedule {name} was left"
        elif kind != SCHEDULE and not _is_named(kind, name, ending.message):
            yield f"the {kind} {name} was left and the last message does not name it"
    for slot in ending.slots:
        yield f"a replication slot was left on the {slot}"


def _is_named(kind: str, name: str, message: str) -> bool:
    """A member of a cluster (`<cluster>-1`) is named with its cluster."""
    return name in message or (kind == "DB instance" and name.rpartition("-")[0] in message)


def longest_without_writer_seconds(probes: Iterable[Probe]) -> float:
    """The longest time in which neither side took a probe, between two accepted ones."""
    moments = sorted(each.at for each in probes if each.accepted)
    return round(max((later - earlier for earlier, later in pairwise(moments)), default=0.0), 3)
