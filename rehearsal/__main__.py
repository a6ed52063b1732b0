"""`python -m rehearsal run happy_path [--pace 100]`, `python -m rehearsal lab`, `python -m rehearsal lab-down`."""

import argparse
import importlib
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "client"))  # the package an application installs; here it is used from the clone

PACE = 100.0


def main(arguments: list[str]) -> int:
    """Runs one command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m rehearsal", description="A whole migration on one machine.")
    commands = parser.add_subparsers(dest="command", required=True)
    scenarios = sorted(path.stem for path in (ROOT / "rehearsal" / "scenarios").glob("[a-z]*.py"))
    run = commands.add_parser("run", help="run a scenario and judge it")
    run.add_argument("scenario", choices=scenarios)
    lab = commands.add_parser("lab", help="the same account with the app and the shop's load, left running")
    for each in (run, lab):
        each.add_argument("--pace", type=float, default=PACE, help="AWS seconds in a real one (default 100)")
    commands.add_parser("lab-down", help="end the lab")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        return int(importlib.import_module(f"rehearsal.scenarios.{chosen.scenario}").run(chosen.pace))
    lab_module = importlib.import_module("rehearsal.lab")
    return int(lab_module.up(chosen.pace) if chosen.command == "lab" else lab_module.down())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
