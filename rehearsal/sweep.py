"""Random faults over whole executions: a seed draws what goes wrong, on-call does what a person would, all must hold.

`python -m rehearsal run sweep --seeds 100`; `… run sweep --seed N` plays a failing seed again: the same faults at the
same moments, which are counted in calls, log lines and states, not in seconds.
"""

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from botocore.exceptions import ClientError

from rehearsal import every, suite
from rehearsal.invariants import NAMED_STATES
from rehearsal.light import POLL_SECONDS, OperationRefused, Scenario, Story
from rehearsal.process import AccountError

# What the app calls, of which a call of this shop can be told by its name in the request.
ACTIONS = (
    "dynamodb:GetItem",
    "dynamodb:UpdateItem",
    "dynamodb:PutItem",
    "rds:DescribeDBInstances",
    "rds:DescribeDBClusters",
    "rds:CreateDBSnapshot",
    "rds:DescribeDBSnapshots",
    "rds:RestoreDBClusterFromSnapshot",
    "rds:CreateDBInstance",
    "rds:FailoverDBCluster",
    "rds:DeleteDBCluster",
    "rds:DeleteDBInstance",
    "dms:CreateReplicationInstance",
    "dms:CreateEndpoint",
    "dms:CreateReplicationTask",
    "dms:StartReplicationTask",
    "dms:StopReplicationTask",
    "dms:DescribeReplicationTasks",
    "dms:DeleteReplicationTask",
    "route53:ChangeResourceRecordSets",
    "route53:ListResourceRecordSets",
    "scheduler:CreateSchedule",
    "scheduler:DeleteSchedule",
    "ssm:GetParameter",
    "ssm:PutParameter",
    "secretsmanager:CreateSecret",
    "secretsmanager:GetSecretValue",
    "sns:Publish",
)
EFFECTS: Sequence[dict[str, Any]] = (
    {"effect": "error", "code": "Throttling", "status": 400},
    {"effect": "error", "code": "InternalFailure", "status": 500},
    {"effect": "error-after", "code": "InternalFailure", "status": 500},
    {"effect": "drop-after"},
)
MOMENTS = (
    "PrepareSource",
    "AwaitTarget",
    "AwaitReplication",
    "DrillFailover",
    "PrepareReverse",
    "ShiftReads",
    "RequestCutover",
    "CutOver",
    "Bake",
    "StopReplication",
)
OPERATIONS = ("abort", "approve", "reject", "roll-back", "pause", "resume", "complete-early", "status")
BOTHER_SECONDS = 2.5
"""On-call looks after a migration that has not moved for so long."""
REDRIVES = 6
LONGEST_LINE = 30
LONGEST_DELAY_SECONDS = 0.8


@dataclass(frozen=True)
class Act:
    """Something done to the migration so many seconds after it entered a state (or `start`). `what` is shown."""

    moment: str
    delay_seconds: float
    what: str
    do: Callable[[Story], Any]


@dataclass
class Draw:
    """What a seed has drawn: options of the migration, rules for the account, acts."""

    options: dict[str, Any]
    rules: list[dict[str, Any]] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The faults in one line."""
        return "; ".join([*map(_described, self.rules), *(f"{each.what} in {each.moment}" for each in self.acts)])


def draw(seed: int) -> Draw:
    """Always the same for the same seed."""
    chance = random.Random(seed)
    drawn = Draw({"approval": chance.choice(("manual", "automatic")), "bakeDays": chance.choice((0, 0, 7))})
    for _ in range(chance.randint(1, 4)):
        chance.choices((_api, _kill, _crash, _pause_apply, _operate, _stop), (4, 4, 1, 1, 2, 1))[0](chance, drawn)
    return drawn


def _api(chance: random.Random, drawn: Draw) -> None:
    rule = {"kind": "api", "action": chance.choice(ACTIONS), "principal": "crossfade-*", **chance.choice(EFFECTS)}
    drawn.rules.append({**rule, "skip": chance.randint(0, 6), "times": chance.choice((1, 1, 2, 6))})


def _kill(chance: random.Random, drawn: Draw) -> None:
    function = chance.choice(("crossfade-*", "crossfade-*", "crossfade-cut-over", "crossfade-switch-back"))
    skip = chance.randint(0, LONGEST_LINE if function == "crossfade-*" else 20)
    drawn.rules.append({"kind": "kill", "function": function, "skip": skip, "times": chance.choice((1, 1, 2))})


def _crash(chance: random.Random, drawn: Draw) -> None:
    side = chance.choice(("source", "writer", "reader"))
    _act(chance, drawn, f"crash of the {side}", partial(_crash_server, side))


def _pause_apply(chance: random.Random, drawn: Draw) -> None:
    seconds = round(chance.uniform(0.5, 4.0), 1)
    _act(chance, drawn, f"replication paused for {seconds:g} s", partial(_pause, seconds))


def _operate(chance: random.Random, drawn: Draw) -> None:
    operation = chance.choice(OPERATIONS)
    _act(chance, drawn, operation, lambda it: it.operate(operation, by="on-call", reason="drawn by lot"))


def _stop(chance: random.Random, drawn: Draw) -> None:
    _act(chance, drawn, "stop of the execution", Story.stop)


def _act(chance: random.Random, drawn: Draw, what: str, do: Callable[[Story], Any]) -> None:
    drawn.acts.append(Act(chance.choice(MOMENTS), round(chance.uniform(0, LONGEST_DELAY_SECONDS), 2), what, do))


def _described(rule: dict[str, Any]) -> str:
    times = f" ×{rule['times']}" if rule["times"] > 1 else ""
    if rule["kind"] == "kill":
        return f"kill {rule['function']} at its log line {rule['skip'] + 1}{times}"
    code = f" {rule['code']}" if "code" in rule else ""
    return f"{rule['effect']}{code} on {rule['action']} after {rule['skip']}{times}"


def _crash_server(side: str, it: Story) -> None:
    members = [member for cluster in it.shop.clusters() for member in cluster["DBClusterMembers"]]
    is_writer = {
        str(each["DBInstanceIdentifier"]): "writer" if each["IsClusterWriter"] else "reader" for each in members
    }
    struck = [name for name, role in {it.source: "source", **is_writer}.items() if role == side]
    for name in struck:
        it.account.crash(name)


def _pause(seconds: float, it: Story) -> None:
    rule = it.fault(kind="event", name="apply-paused")
    time.sleep(seconds)
    it.account.clear_faults(rule)


def tell(drawn: Draw, it: Story) -> None:
    """The faults strike, the acts are done at their moments, and on-call looks after what does not move."""
    for rule in drawn.rules:
        it.fault(**rule)
    it.start(**drawn.options)
    on_call = OnCall(it)
    waiting, entered = list(drawn.acts), dict[str, float]()
    deadline = time.monotonic() + it.scenario.limit_seconds
    while not on_call.satisfied() and time.monotonic() < deadline:
        time.sleep(POLL_SECONDS)
        it.look()
        for state in it.states:
            entered.setdefault(state, time.monotonic())
        due = [each for each in waiting if time.monotonic() - entered.get(each.moment, 1e12) >= each.delay_seconds]
        for act in due:
            waiting.remove(act)
            it.say(f"{it.scenario.name}: {act.what}")
            with contextlib.suppress(OperationRefused, AccountError, ClientError):
                act.do(it)


class OnCall:
    """A person who reads the messages: answers what waits for an answer, and redrives what failed."""

    def __init__(self, it: Story) -> None:
        self._it = it
        self._moved = (0, time.monotonic())
        self._redrives = 0

    def satisfied(self) -> bool:
        """Whether the migration ended in a named state; when it does not move, does something about it."""
        it = self._it
        if it.over and it.end in NAMED_STATES:
            return True
        if it.over and self._redrives < REDRIVES:
            self._redrives += 1
            it.say(f"{it.scenario.name}: on-call redrives: {it.end}")
            it.redrive()
        if len(it.events) != self._moved[0]:
            self._moved = (len(it.events), time.monotonic())
        elif time.monotonic() - self._moved[1] > BOTHER_SECONDS:
            self._moved = (len(it.events), time.monotonic())
            self._answer(it.states[-1] if it.states else "")
        return False

    def _answer(self, state: str) -> None:
        operation = {"RequestCutover": "approve", "Bake": "complete-early", "ShiftReads": "resume"}.get(state)
        if operation:
            with contextlib.suppress(OperationRefused):
                self._it.operate(operation, by="on-call")


def scenario(seed: int) -> Scenario:
    """The seed as a scenario."""
    drawn = draw(seed)
    return Scenario(
        f"sweep-{seed:04}",
        partial(tell, drawn),
        ends=tuple(NAMED_STATES - {"PlanReady"}),
        note=drawn.text,
        limit_seconds=180.0,
    )


def run(seeds: int | None, first: int | None, pace: float | None) -> int:
    """Plays the seeds first, first + 1, …; 0 when every invariant held. With `first` alone only that one."""
    count = seeds or (1 if first is not None else 100)
    chosen = [scenario(seed) for seed in range(first or 1, (first or 1) + count)]
    directory = suite.directory_of(every.SWEEP)
    outcomes = suite.run(chosen, directory, pace or suite.PACE)
    status = every.show(outcomes, directory)
    for each in outcomes:
        if each.broken:
            number = int(each.name.rpartition("-")[2])
            every.write(f"play it again: python -m rehearsal run sweep --seed {number}\n")
    return status
