"""The whole template, hashes masked. After a wanted change: CROSSFADE_UPDATE_SNAPSHOT=1 pytest tests/stacks"""

from __future__ import annotations

import json
import os
import re
from pathlib import Path
from typing import Any

from aws_cdk.assertions import Template

SNAPSHOT = Path(__file__).with_name("template.snapshot.json")


def masked(template: dict[str, Any]) -> str:
    """Without what follows from contents of assets, from construct paths, and from the state machine's own file."""
    for resource in template["Resources"].values():
        if "DefinitionString" in resource.get("Properties", {}):
            resource["Properties"]["DefinitionString"] = "statemachines/migrate.asl.json"
    text = json.dumps(template, indent=1)
    text = re.sub(r"\b[0-9a-f]{64}\b", "ASSET", text)
    return re.sub(r"(?<=[A-Za-z])[0-9A-F]{8}(?=[\"/])", "", text) + "\n"


def test_template_is_as_it_was(template: Template) -> None:
    text = masked(json.loads(json.dumps(template.to_json())))
    if os.environ.get("CROSSFADE_UPDATE_SNAPSHOT"):
        SNAPSHOT.write_text(text)
    assert text == SNAPSHOT.read_text()
