"""The ready inputs of docs/inputs/ are accepted, and the page beside them tells the truth about keys and defaults."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from migration import inputs
from migration.endings import parse_ending
from migration.model import Options, to_json

DOCS = Path(__file__).resolve().parents[2] / "docs" / "inputs"
PAGE = (DOCS / "README.md").read_text()
UNDO = DOCS / "undo.json"
FILES = sorted(set(DOCS.glob("*.json")) - {UNDO})


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_ready_input_is_accepted_and_listed(path: Path) -> None:
    parsed = inputs.parse_input(json.loads(path.read_text()))
    assert parsed.source == "orders-db"
    assert f"({path.name})" in PAGE


def test_the_input_that_takes_over_is_the_one_the_machine_looks_for_and_the_guard_gives() -> None:
    given = json.loads(UNDO.read_text())
    machine = json.loads((DOCS.parents[1] / "statemachines" / "migrate.asl.json").read_text())
    [choice] = machine["States"][machine["StartAt"]]["Choices"]
    assert [choice["Variable"]] == [f"$.{key}" for key in given]
    assert parse_ending({"executionArn": "arn:e", "status": "ABORTED"}, UNDO.read_text()).migration_id == given["undo"]
    assert f"({UNDO.name})" in PAGE


def test_overrides_show_every_key() -> None:
    shown = json.loads((DOCS / "overrides.json").read_text())
    assert set(shown) == set(inputs.KEYS)
    assert set(shown["readShift"]) == set(inputs.READ_SHIFT_KEYS)
    assert set(shown["target"]) == set(inputs.TARGET_KEYS)


def test_every_key_is_explained_with_its_default() -> None:
    defaults = to_json(Options())
    assert f"`readShift.steps` | `{defaults['readShift']['steps']}`" in PAGE
    assert f"`readShift.intervalMinutes` | {defaults['readShift']['intervalMinutes']}" in PAGE
    for key in ("bakeDays", "maxLagSeconds", "stallBudgetMs"):
        assert f"`{key}` | {defaults[key]}" in PAGE
    assert not [key for key in inputs.TARGET_KEYS if f"`target.{key}`" not in PAGE]


def test_minimal_is_the_defaults() -> None:
    assert inputs.parse_input({"source": "orders-db"}).options == Options()
