"""`python -m bench.startup [RUNS]`: what importing each handler costs, as a ratio to a bare boto3 client (aim: 1.10).

Bare is importing boto3 and making a client. "ready" is the import and a first client of the handler's own: what a
cold start pays. Each run is a fresh process on the staged asset and layer, bytecode present. The figure is the median
of CPU time, because other work on the machine changes the time on the wall much more.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

from stacks.asset import stage_functions
from stacks.layer import stage_layer
from stacks.names import Arns, module_name
from stacks.settings import load_settings
from stacks.task_permissions import function_rows

ROOT = Path(__file__).resolve().parents[1]
AIM = 1.10
RUNS = 7
BARE = "bare boto3 client"
PROGRAM = """
import time
start = time.process_time()
import {module}
imported = time.process_time() - start
{client}
print(imported, time.process_time() - start)
"""
Sample = tuple[float, float]


def main(runs: int) -> int:
    """Prints milliseconds and ratios of each handler; exit status 1 when one misses the aim."""
    programs = {module: _program(module, "from migration import clients; clients.dynamodb()") for module in _modules()}
    programs[BARE] = _program("boto3", "boto3.client('dynamodb')")
    samples: dict[str, list[Sample]] = {name: [] for name in programs}
    environment = _environment()
    for _ in range(runs):
        # In turns, so that a machine that grows slow or fast does so for all of them.
        for name, program in programs.items():
            samples[name].append(_cpu_seconds(program, environment))
    bare = statistics.median(ready for _, ready in samples.pop(BARE))
    print(f"{BARE}: {bare * 1000:.0f} ms CPU, median of {runs}\n\n{'handler':<28}{'ms':>6}{'import':>8}{'ready':>8}")
    ratios = [_report(name, values, bare) for name, values in samples.items()]
    return 1 if max(ratios) > AIM else 0


def _report(name: str, values: list[Sample], bare: float) -> float:
    imported, ready = (statistics.median(column) for column in zip(*values, strict=True))
    ratio: float = imported / bare
    missed = f"  above {AIM:.2f}" if ratio > AIM else ""
    print(f"{name:<28}{imported * 1000:6.0f}{ratio:8.2f}{ready / bare:8.2f}{missed}")
    return ratio


def _program(module: str, client: str) -> str:
    return PROGRAM.format(module=module, client=client)


def _modules() -> list[str]:
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    rows = function_rows(Arns(load_settings(context["crossfade"], ROOT)))
    return [f"{row.package}.{module_name(row.name)}" for row in rows]


def _environment() -> dict[str, str]:
    path = os.pathsep.join([str(stage_functions(ROOT, None)), str(stage_layer(ROOT) / "python")])
    return {**os.environ, "PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "AWS_DEFAULT_REGION": "us-east-1"}


def _cpu_seconds(program: str, environment: dict[str, str]) -> Sample:
    runtime = ROOT / ".venv-runtime" / "bin" / "python"
    python = str(runtime) if runtime.exists() else sys.executable
    done = subprocess.run([python, "-c", program], capture_output=True, text=True, check=True, env=environment)
    imported, ready = map(float, done.stdout.split())
    return imported, ready


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]) if len(sys.argv) > 1 else RUNS))
