"""`python -m bench.audited_synthesis DIRECTORY`: synthesizes the app of a fresh clone under cdk-nag.

A program of its own, because cdk-nag prints each finding and ends the synthesis; bench.validate reads the report.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from aws_cdk import App, Validations
from cdk_nag import AwsSolutionsChecks

from stacks.migration_stack import MigrationStack
from stacks.settings import load_settings

ROOT = Path(__file__).resolve().parents[1]


def main(directory: str) -> None:
    """Writes assembly and report to `directory`."""
    context = json.loads((ROOT / "cdk.json").read_text())["context"]
    app = App(context=context, outdir=directory)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app))
    MigrationStack(app, ROOT, load_settings(context["crossfade"], ROOT))
    app.synth()


if __name__ == "__main__":
    main(sys.argv[1])
