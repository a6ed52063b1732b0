"""Many light scenarios in one account: the app is deployed once for many shops, and each scenario takes the next."""

import multiprocessing
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.context import ForkProcess
from pathlib import Path

from rehearsal import deploy, ground, one, process
from rehearsal.account.settings import ROOT
from rehearsal.ground import Ground
from rehearsal.light import Scenario
from rehearsal.one import Outcome
from rehearsal.progress import Progress

PACE = 800.0
AT_ONCE = 2
PER_ACCOUNT = 60  # scenarios; then a fresh account, whose call record and listings are short again
Play = Callable[[Scenario, str, Path, Callable[[str], None]], Outcome]
_fork = multiprocessing.get_context("fork")


@dataclass
class Running:
    """A scenario in its process."""

    scenario: Scenario
    process: ForkProcess
    directory: Path
    began: float = field(default_factory=time.monotonic)

    @property
    def overdue(self) -> bool:
        """Whether it hangs."""
        return time.monotonic() - self.began > self.scenario.limit_seconds + self.scenario.build_seconds


def run(scenarios: Sequence[Scenario], directory: Path, pace: float = PACE, at_once: int = AT_ONCE) -> list[Outcome]:
    """Plays every scenario, `at_once` at a time, and says each verdict as it comes; the outcomes in their order."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that an ended run still cleans up
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir(parents=True)
    progress = Progress()
    outcomes: list[Outcome] = []
    for start in range(0, len(scenarios), PER_ACCOUNT):
        part = scenarios[start : start + PER_ACCOUNT]
        with stage([f"shop-{number:02}" for number in range(1, len(part) + 1)], pace, progress) as around:
            outcomes += play_all(part, partial(one.play, around), directory, progress, at_once)
    order = {scenario.name: number for number, scenario in enumerate(scenarios)}
    return sorted(outcomes, key=lambda each: order[each.name])


@contextmanager
def stage(names: Sequence[str], pace: float, progress: Progress) -> Iterator[Ground]:
    """An account with the app deployed for shops of these names, none of them built yet."""
    progress.say(f"starting the one-machine account (1 s = {pace:g} s of AWS)")
    account = process.start(pace=pace)
    try:
        around = ground.prepare(account, names)
        deploy.deploy(account, around.app_settings(), progress.say)
        one.warm(around)
        yield around
    finally:
        process.stop(Path(account.state_dir))


def play_all(
    scenarios: Sequence[Scenario], play: Play, directory: Path, progress: Progress, at_once: int = AT_ONCE
) -> Iterator[Outcome]:
    """Plays each scenario in a process of its own, `at_once` at a time; the outcomes as they come."""
    waiting = [*enumerate(scenarios, 1)]
    running: list[Running] = []
    while waiting or running:
        for each in [each for each in running if not each.process.is_alive() or each.overdue]:
            running.remove(each)
            yield _ended(each, progress)
        while waiting and len(running) < at_once and _may_join(waiting[0][1], running):
            number, scenario = waiting.pop(0)
            running.append(_begin(scenario, play, f"shop-{number:02}", directory / scenario.name, progress))
        time.sleep(0.05)


def _may_join(scenario: Scenario, running: Sequence[Running]) -> bool:
    return not running or not (scenario.alone or any(each.scenario.alone for each in running))


def _begin(scenario: Scenario, play: Play, source: str, directory: Path, progress: Progress) -> Running:
    def play_one() -> None:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        directory.mkdir(parents=True, exist_ok=True)
        one.save(play(scenario, source, directory, progress.say), directory)

    process = _fork.Process(target=play_one, daemon=True)  # ends with this process
    process.start()
    return Running(scenario, process, directory)


def _ended(running: Running, progress: Progress) -> Outcome:
    """What came of it; a hanging process is killed and counts as broken."""
    if running.process.is_alive():
        running.process.kill()
    running.process.join()
    seconds = time.monotonic() - running.began
    sentence = "it did not come to an end and was killed" if running.overdue else "its process ended without a verdict"
    lost = Outcome(running.scenario.name, "not known", [sentence], None, None, round(seconds, 1), {})
    outcome = one.load(running.directory) or lost
    progress.say(line(outcome) + (f"  {running.scenario.note}" if running.scenario.note else ""))
    for sentence in outcome.broken:
        progress.say(f"  BROKEN: {sentence}")
    return outcome


def table(outcomes: Sequence[Outcome]) -> str:
    """Scenario, end state, invariants, lost, stall, seconds."""
    head = f"{'scenario':<42} {'end state':<22} {'invariants':<12} {'lost':>4} {'stall ms':>9} {'seconds':>8}"
    return "\n".join([head, *(line(each) for each in outcomes)])


def line(outcome: Outcome) -> str:
    """One row of the table."""
    held = "held" if not outcome.broken else f"{len(outcome.broken)} BROKEN"
    lost = "-" if outcome.lost is None else str(outcome.lost)
    stall = "-" if outcome.stall_ms is None else f"{outcome.stall_ms:.0f}"
    return f"{outcome.name:<42} {outcome.end[:22]:<22} {held:<12} {lost:>4} {stall:>9} {outcome.seconds:>8.1f}"


def directory_of(name: str) -> Path:
    """Where the verdicts of a run of this name go."""
    return ROOT / "build" / "rehearsal" / name
