"""One light scenario from its empty shop to its verdict, in a process of its own: a hanging one can be ended."""

import json
import time
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rehearsal import belongings, evidence, execution, invariants, judgement, shop, traces
from rehearsal.ground import Ground, client, forget_clients
from rehearsal.invariants import Ending
from rehearsal.light import Scenario, Story
from rehearsal.process import Account
from rehearsal.records import records
from rehearsal.workload import schema

CALM_SECONDS = 0.5  # of load before the migration and after it


@dataclass(frozen=True)
class Outcome:
    """One line of the table. `broken`: a sentence each; `stall_ms`: the longest write request."""

    name: str
    end: str
    broken: list[str]
    lost: int | None
    stall_ms: float | None
    seconds: float
    details: Mapping[str, Any]


def play(ground: Ground, scenario: Scenario, source: str, directory: Path, say: Callable[[str], None]) -> Outcome:
    """Builds the shop, tells the story, judges it, and removes the servers."""
    began = time.time()
    forget_clients()
    before = len(ground.account.calls())
    try:
        return _told(scenario, ground, source, directory, say, before)
    except Exception as error:
        sentence = f"the rehearsal itself failed: {type(error).__name__}: {error}"
        (directory / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
        return Outcome(scenario.name, "not known", [sentence], None, None, round(time.time() - began, 1), {})
    finally:
        _clear_faults(ground.account, source)
        belongings.remove(ground.account, source)


def _told(
    scenario: Scenario, ground: Ground, source: str, directory: Path, say: Callable[[str], None], before: int
) -> Outcome:
    began = time.time()
    story = Story(scenario, shop.build(ground, lambda _: None, source, schema.SMALL), directory, say)
    had = belongings.belongings(ground.account, source)
    built = time.time()
    story.load.start()
    story.look()
    time.sleep(CALM_SECONDS)
    failures = list(_tell(story))
    time.sleep(CALM_SECONDS)
    story.load.stop()
    ended = time.time()
    outcome = _judge(story, had, built, ended, before, failures)
    times = {"built": built - began, "told": ended - built, "judged": time.time() - ended}
    details = {**outcome.details, "seconds": {name: round(value, 1) for name, value in times.items()}}
    evidence.save_json(directory / "verdict.json", details)
    return Outcome(**{**outcome.__dict__, "details": details, "seconds": round(time.time() - began, 1)})


def _tell(story: Story) -> Iterator[str]:
    """Runs the story and waits for the end of what it started; what went wrong with the story itself."""
    try:
        story.scenario.story(story)
    except Exception as error:
        yield f"the story could not be told: {error}"
        (story.directory / "traceback.txt").write_text(traceback.format_exc(), encoding="utf-8")
    if story.executions:
        story.until_end()
        story.until_told()


def _judge(
    story: Story, had: frozenset[belongings.Thing], began: float, ended: float, before: int, failures: list[str]
) -> Outcome:
    account, scenario = story.account, story.scenario
    story.samples.append(records(story.shop))
    accepting = story.load.accepting()
    seen = evidence.seen(story.directory)
    calls = [call for call in account.calls(before) if _concerns(call, story.source)]
    judged = judgement.judge(_run(story, began, ended, calls), traces.data(story, seen, accepting), seen)
    if scenario.requests_may_fail:
        judged["requests"] = {**judged["requests"], "failed_as_expected": judged["requests"]["failed"], "failed": 0}
    ending = Ending(
        state=story.end,
        expected=scenario.ends,
        accepting=accepting,
        record=traces.record(story.samples[-1]),
        published=traces.published(story),
        samples=story.samples,
        new=belongings.belongings(account, story.source) - had,
        message=story.last_words,
        slots=traces.slots(story),
    )
    broken = [*failures, *invariants.broken(ending, judged)]
    broken += [sentence for check in scenario.checks for sentence in check(story)]
    details = {**judged, "end": story.end, "broken": broken, "source": story.source}
    stall = judged["write_stall_ms"]["max"]
    return Outcome(scenario.name, story.end, broken, judged["writes"]["lost"], stall, 0.0, details)


def _run(story: Story, began: float, ended: float, calls: Sequence[Mapping[str, Any]]) -> judgement.Run:
    """The story as the judgement takes it; how it ended is judged by the invariants."""
    histories = [each.history() for each in story.executions]
    cut_over = (execution.result_of("CutOver", "cutOver", history) for history in histories)
    switch_back = (execution.result_of("SwitchBack", "switchBack", history) for history in histories)
    return judgement.Run(
        scenario=story.scenario.name,
        outcome=None,
        began=began,
        ended=ended,
        stages=[stage for history in histories for stage in execution.stages(history)],
        history_events=sum(map(len, histories)),
        calls=calls,
        subjects=[mail["subject"] for mail in story.mails],
        cut_over=next((each for each in cut_over if each), None),
        switch_back=next((each for each in switch_back if each), None),
        expected_outcome=None,
    )


def _clear_faults(account: Account, source: str) -> None:
    """Rules of this shop strike no more: its servers are about to be removed."""
    for rule in account.faults():
        if source in f"{rule.get('match')} {rule.get('and')}":
            account.clear_faults(rule["id"])


def _concerns(call: Mapping[str, Any], source: str) -> bool:
    """A call that names another shop is another scenario's; one that names none may be ours."""
    return source in call["resource"] or "shop-" not in call["resource"]


def save(outcome: Outcome, directory: Path) -> None:
    """Keeps the outcome for the process that prints the table."""
    (directory / "outcome.json").write_text(json.dumps(outcome.__dict__), encoding="utf-8")


def load(directory: Path) -> Outcome | None:
    """What `save` kept; None when the scenario did not get there."""
    try:
        return Outcome(**json.loads((directory / "outcome.json").read_text(encoding="utf-8")))
    except (OSError, ValueError):
        return None


def warm(ground: Ground) -> None:
    """Reads the services' models once, before processes are forked that all need them."""
    for service in ("rds", "dms", "route53", "stepfunctions", "lambda", "secretsmanager", "scheduler", "ssm"):
        client(ground.account, service)
