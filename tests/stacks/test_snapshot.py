"""The whole template, hashes masked. After a wanted change: CROSSFADE_UPDATE_SNAPSHOT=1 pytest tests/stacks"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template

from tests.contract.deployment import ROWS

SNAPSHOT = Path(__file__).with_name("template.snapshot.json")
# One function stands for all: the others differ by their rows, which tests/contract/test_permissions.py holds.
SHOWN = "CutOver"


def masked(template: dict[str, Any]) -> str:
    """Without the other functions, and without what follows from contents of assets or from construct paths."""
    others = tuple(name for name in ROWS if name != SHOWN)
    kept = {key: each for key, each in template["Resources"].items() if not key.startswith(others)}
    for resource in kept.values():
        # Its file is the better place to read it, and its substitutions name every task.
        for field in ("DefinitionString", "DefinitionSubstitutions"):
            resource.get("Properties", {}).pop(field, None)
    text = re.sub(r"\b[0-9a-f]{64}\b", "ASSET", json.dumps({**template, "Resources": kept}, indent=1))
    return re.sub(r"(?<=[A-Za-z])[0-9A-F]{8}(?=[\"/])", "", text) + "\n"


def test_template_is_as_it_was(template: Template) -> None:
    text = masked(json.loads(json.dumps(template.to_json())))
    if os.environ.get("CROSSFADE_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text()
