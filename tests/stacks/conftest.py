"""The app is synthesized once for all tests here: a Python app costs seconds for the first synthesis in a process."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from stacks.migration_stack import MigrationStack
from stacks.settings import load_settings

ROOT = Path(__file__).resolve().parents[2]
CONTEXT: dict[str, Any] = json.loads((ROOT / "cdk.json").read_text())["context"]
Synthesize = Callable[..., Template]


@pytest.fixture
def shipped() -> dict[str, Any]:
    """A copy of the settings of a fresh clone, to be changed."""
    copied: dict[str, Any] = json.loads(json.dumps(CONTEXT["crossfade"]))
    return copied


@pytest.fixture(scope="session")
def synthesize(tmp_path_factory: pytest.TempPathFactory) -> Synthesize:
    """Changes of the shipped settings → template."""

    def run(**changes: Any) -> Template:
        app = App(context=CONTEXT, outdir=str(tmp_path_factory.mktemp("assembly")))
        settings = load_settings({**CONTEXT["crossfade"], **changes}, ROOT)
        return Template.from_stack(MigrationStack(app, ROOT, settings))

    return run


@pytest.fixture(scope="session")
def template(synthesize: Synthesize) -> Template:
    """Of the shipped settings."""
    return synthesize()


@pytest.fixture(scope="session")
def resources(template: Template) -> dict[str, dict[str, Any]]:
    """Its resources by logical id."""
    found: dict[str, dict[str, Any]] = template.to_json()["Resources"]
    return found
