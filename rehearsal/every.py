"""Every scenario there is: found by file, told light ones together and full ones after another, shown in one table."""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path

from rehearsal import evidence, suite
from rehearsal.light import Scenario
from rehearsal.one import Outcome

SCENARIOS = Path(__file__).parent / "scenarios"
ALL, SWEEP = "all", "sweep"


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
    """Runs every light scenario; 0 when every invariant held."""
    directory = suite.directory_of("all")
    return show(suite.run(all_light(), directory, pace or suite.PACE), directory)


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
    return 1 if broken else 0
