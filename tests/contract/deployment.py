"""The app as the shipped cdk.json describes it, without synthesizing it."""

from __future__ import annotations

import json
from pathlib import Path

from stacks.names import Arns
from stacks.settings import Settings, load_settings
from stacks.task_permissions import FunctionRow, function_rows

ROOT = Path(__file__).resolve().parents[2]


def shipped_settings() -> Settings:
    """The placeholder settings of a fresh clone."""
    return load_settings(json.loads((ROOT / "cdk.json").read_text())["context"]["crossfade"], ROOT)


ARNS = Arns(shipped_settings())
ROWS: dict[str, FunctionRow] = {row.name: row for row in function_rows(ARNS)}
