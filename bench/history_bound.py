"""`python -m bench.history_bound`: how many history events a migration can use at most, from the state machine.

Step Functions ends an execution at 25,000 events (AWS_RULES R8.1); we allow ourselves half. The bound takes every Retry
to its last attempt on the longest path there is, so it holds for a 30-day migration with a 14-day full load too: how
long a wait may last is the other column. The one loop there is, a way back that failed and was undone, goes round as
often as ROLL_BACK_ATTEMPTS says.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

DEFINITION = Path(__file__).resolve().parents[1] / "statemachines" / "migrate.asl.json"
LIMIT = 12_500
FULL_LOAD_DAYS = 14
ROLL_BACK_ATTEMPTS = 3  # undone ones; each costs about 530 events, and an execution that takes over begins at 0
LOOP = ("UnfenceTarget", "Bake")  # the way that closes it
DAY_SECONDS = 86_400
# Events by kind of state (Step Functions API, HistoryEvent types).
# TaskStateEntered, LambdaFunctionScheduled, LambdaFunctionStarted, LambdaFunctionSucceeded, TaskStateExited
LAMBDA_EVENTS = 5
TOKEN_EVENTS = 6  # TaskStateEntered, TaskScheduled, TaskStarted, TaskSubmitted, TaskSucceeded, TaskStateExited
ATTEMPT_EVENTS = 3  # LambdaFunctionScheduled, LambdaFunctionStarted, LambdaFunctionFailed
PASSING_EVENTS = 2  # entered and exited
EXECUTION_EVENTS = 2  # ExecutionStarted and its end


@dataclass(frozen=True)
class StateBound:
    """One state at its worst. `wait_seconds` is the longest its own retries are sure to wait, jitter at its least."""

    name: str
    attempts: int
    events: int
    wait_seconds: float


def load() -> dict[str, Any]:
    """The state machine as it is deployed."""
    definition: dict[str, Any] = json.loads(DEFINITION.read_text())
    return definition


def state_bound(name: str, state: Mapping[str, Any]) -> StateBound:
    """Every retrier of the state used up."""
    attempts = sum(retrier["MaxAttempts"] for retrier in state.get("Retry", []))
    waits = max((sure_wait_seconds(retrier) for retrier in state.get("Retry", [])), default=0.0)
    if state["Type"] != "Task":
        return StateBound(name, 0, PASSING_EVENTS, 0.0)
    base = TOKEN_EVENTS if state["Resource"].endswith(".waitForTaskToken") else LAMBDA_EVENTS
    return StateBound(name, attempts, base + ATTEMPT_EVENTS * attempts, waits)


def sure_wait_seconds(retrier: Mapping[str, Any]) -> float:
    """How long the retrier waits in all at least: full jitter may take any interval to nothing."""
    if retrier.get("JitterStrategy") == "FULL":
        return 0.0
    interval, total = float(retrier.get("IntervalSeconds", 1)), 0.0
    for _ in range(retrier["MaxAttempts"]):
        total += min(interval, retrier.get("MaxDelaySeconds", float("inf")))
        interval *= retrier.get("BackoffRate", 2.0)
    return total


def longest_path(definition: Mapping[str, Any]) -> list[StateBound]:
    """The path with the most events, on which ROLL_BACK_ATTEMPTS ways back are tried.

    Raises ValueError when the machine has a loop that LOOP does not close.
    """
    states = definition["States"]

    @cache
    def best_from(name: str, attempts: int, behind: tuple[str, ...] = ()) -> list[StateBound]:
        if name in behind:
            raise ValueError(f"the state machine has an unbounded loop: {' → '.join((*behind, name))}")
        onward = []
        for successor in successors(states[name]):
            if (name, successor) != LOOP:
                onward.append(best_from(successor, attempts, (*behind, name)))
            elif attempts > 1:
                onward.append(best_from(successor, attempts - 1))
        return [state_bound(name, states[name]), *max(onward, key=total_events, default=[])]

    return best_from(definition["StartAt"], ROLL_BACK_ATTEMPTS)


def successors(state: Mapping[str, Any]) -> Iterator[str]:
    """Every state that may follow, whatever happens."""
    for rule in (state, *state.get("Choices", []), *state.get("Catch", [])):
        if "Next" in rule:
            yield rule["Next"]
    if "Default" in state:
        yield state["Default"]


def total_events(path: list[StateBound]) -> int:
    """Events of the states alone."""
    return sum(bound.events for bound in path)


def bound(definition: Mapping[str, Any]) -> int:
    """Most events an execution can have."""
    return EXECUTION_EVENTS + total_events(longest_path(definition))


def main() -> int:
    """Prints the longest path; the exit status says whether bound and full load hold."""
    definition = load()
    path = longest_path(definition)
    print(f"{'state':<20}{'retries':>9}{'events':>9}   longest sure wait")
    for each in path:
        wait = f"{each.wait_seconds / DAY_SECONDS:10.2f} days" if each.wait_seconds else ""
        print(f"{each.name:<20}{each.attempts:>9}{each.events:>9}   {wait}")
    events = bound(definition)
    load_days = next(each.wait_seconds for each in path if each.name == "AwaitReplication") / DAY_SECONDS
    print(f"\nat most {events} events, limit {LIMIT}")
    print(f"a full load may take {load_days:.1f} days, wanted {FULL_LOAD_DAYS}")
    return 0 if events <= LIMIT and load_days >= FULL_LOAD_DAYS else 1


if __name__ == "__main__":
    sys.exit(main())
