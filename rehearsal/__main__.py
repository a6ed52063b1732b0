"""`python -m rehearsal run happy_path`, `… run all`, `… run sweep --seeds 100`, `… lab`, `… lab-down`."""

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "client"))  # the package an application installs; here it is used from the clone

PACE = 100.0
ALL, SWEEP = "all", "sweep"


def main(arguments: list[str]) -> int:
    """Runs one command; its exit status."""
    chosen = _parser().parse_args(arguments)
    if chosen.command == "run":
        return _run(chosen)
    lab_module = importlib.import_module("rehearsal.lab")
    return int(lab_module.up(chosen.pace or PACE) if chosen.command == "lab" else lab_module.down())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description="A whole migration on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="run a scenario and judge it")
    names = ", ".join(sorted(path.stem for path in (ROOT / "rehearsal" / "scenarios").glob("[a-z]*.py")))
    run.add_argument("scenario", help=f"{ALL}, {SWEEP}, or one or several of: {names}", nargs="+")
    run.add_argument("--seeds", type=int, help="how many seeds a sweep tries (default 100)")
    run.add_argument("--seed", type=int, help="the first seed of the sweep (default 1); without --seeds only this one")
    lab = commands.add_parser("lab", help="the same account with the app and the shop's load, left running")
    for each in (run, lab):
        each.add_argument("--pace", type=float, help="AWS seconds in a real one (default 100, light scenarios 800)")
    commands.add_parser("lab-down", help="end the lab")
    return parser


def _run(chosen: argparse.Namespace) -> int:
    """Full-size scenarios have a `run` of their own; light ones share an account."""
    if chosen.scenario == [SWEEP]:
        return int(importlib.import_module("rehearsal.sweep").run(chosen.seeds, chosen.seed, chosen.pace))
    every: Any = importlib.import_module("rehearsal.every")
    if chosen.scenario == [ALL]:
        return int(every.run_all(chosen.pace))
    full = [name for name in chosen.scenario if every.is_full(name)]
    results = [importlib.import_module(f"rehearsal.scenarios.{name}").run(chosen.pace or PACE) for name in full]
    light = [name for name in chosen.scenario if name not in full]
    return int(max([*results, every.run_light(light, chosen.pace) if light else 0]))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
