"""Every scenario there is: found by file, told light ones together and full ones after another, shown in one table."""

import importlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rehearsal import evidence, report, suite
from rehearsal.account.settings import ROOT
from rehearsal.light import Scenario
from rehearsal.one import Outcome

SCENARIOS = Path(__file__).parent / "scenarios"
ALL, SWEEP = "all", "sweep"
FULL_LIMIT_SECONDS = 900.0


class UnknownScenario(SystemExit):
    """There is no scenario of that name; the message lists those there are."""


def is_full(name: str) -> bool:
    """Whether the file of this name tells one full-size story with an account of its own."""
    return (SCENARIOS / f"{name}.py").exists() and not light_in(name)


def light_in(name: str) -> list[Scenario]:
    """The light scenarios of one file."""
    return list(getattr(importlib.import_module(f"rehearsal.scenarios.{name}"), "SCENARIOS", []))


def all_light() -> list[Scenario]:
    """Every light scenario, files in alphabetical order."""
    names = sorted(path.stem for path in SCENARIOS.glob("[a-z]*.py"))
    return [scenario for name in names for scenario in light_in(name)]


def named(names: Sequence[str]) -> list[Scenario]:
    """Light scenarios by the name of their file or their own. Raises UnknownScenario."""
    found: list[Scenario] = []
    for name in names:
        is_file = (SCENARIOS / f"{name}.py").exists()
        own = light_in(name) if is_file else [each for each in all_light() if each.name == name]
        if not own:
            known = ", ".join(each.name for each in all_light())
            raise UnknownScenario(f"there is no scenario {name}; the light ones are: {known}")
        found += own
    return found


def run_light(names: Sequence[str], pace: float | None) -> int:
    """Runs some light scenarios; 0 when every invariant held."""
    directory = suite.directory_of(names[0] if len(names) == 1 else "some")
    return show(suite.run(named(names), directory, pace or suite.PACE), directory)


def run_all(pace: float | None) -> int:
    """Runs every light scenario, then the full ones; 0 when every invariant held."""
    directory = suite.directory_of(ALL)
    outcomes = suite.run(all_light(), directory, pace or suite.PACE)
    full = sorted(path.stem for path in SCENARIOS.glob("[a-z]*.py") if is_full(path.stem))
    return show([*outcomes, *(run_full(name, directory) for name in full)], directory)


def run_full(name: str, directory: Path) -> Outcome:
    """A full-size scenario in a process of its own, with an account of its own; what it prints is kept."""
    began, log = time.monotonic(), directory / f"{name}.log"
    write(f"{name}: see {log}\n")
    with log.open("wb") as out:
        done = subprocess.run(
            [sys.executable, "-m", "rehearsal", "run", name],
            cwd=ROOT,
            stdout=out,
            stderr=out,
            timeout=FULL_LIMIT_SECONDS,
            check=False,
        )
    printed = log.read_text(encoding="utf-8", errors="replace").splitlines()
    outcome = full_outcome(name, done.returncode, printed, _verdict(name), time.monotonic() - began)
    write(f"{suite.line(outcome)}\n")
    return outcome


def full_outcome(name: str, status: int, printed: Sequence[str], verdict: Mapping[str, Any], seconds: float) -> Outcome:
    """Its line of the table, from its exit status, what it printed and the verdict it wrote, if it writes one."""
    broken = [line.partition("BROKEN: ")[2] for line in printed if "BROKEN: " in line]
    if status and not broken:
        broken = [f"it exited with {status}: {printed[-1] if printed else 'nothing was printed'}"]
    writes, stall = verdict.get("writes", {}), verdict.get("write_stall_ms", {})
    end = str(verdict.get("outcome") or ("as told" if not status else "not known"))
    return Outcome(name, end, broken, writes.get("lost"), stall.get("max"), round(seconds, 1), dict(verdict))


def _verdict(name: str) -> dict[str, Any]:
    path = suite.directory_of(name) / "verdict.json"
    return dict(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else {}


def write(text: str) -> None:
    """Shows a text as it is."""
    sys.stdout.write(text)
    sys.stdout.flush()


def show(outcomes: Sequence[Outcome], directory: Path) -> int:
    """Prints the table and keeps it; 0 when nothing was broken."""
    text = suite.table(outcomes)
    write(f"\n{text}\n")
    broken = [f"{each.name}: {sentence}" for each in outcomes for sentence in each.broken]
    verdict = {"broken": broken, "scenarios": [each.__dict__ for each in outcomes]}
    evidence.save_json(directory / "verdict.json", verdict)
    page = directory / "report.md"
    page.write_text(report.of_many(outcomes), encoding="utf-8")
    write(f"verdict: {directory / 'verdict.json'}   report: {page}\n")
    return 1 if broken else 0
