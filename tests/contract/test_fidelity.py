"""docs/fidelity.md has a row for every rule, and the tests it names exist."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ROWS = [
    line
    for line in (ROOT / "docs" / "fidelity.md").read_text(encoding="utf-8").splitlines()
    if re.match(r"\| R\d\.\d", line)
]
RULES_A_CHAPTER = {1: 8, 2: 4, 3: 9, 4: 6, 5: 4, 6: 3, 7: 2, 8: 3}  # of AWS_RULES.md


def test_every_rule_has_its_row_in_order() -> None:
    expected = [f"R{chapter}.{rule}" for chapter, last in RULES_A_CHAPTER.items() for rule in range(1, last + 1)]
    assert [row.split()[1] for row in ROWS] == expected


def test_every_named_test_exists() -> None:
    files = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    functions = set(re.findall(r"^def (test_\w+)", "\n".join(files.values()), re.MULTILINE))
    named = {name for row in ROWS for name in re.findall(r"`(test_\w+(?:\.py)?)`", row.split("|")[4])}
    assert named - functions - files.keys() == set()


def test_a_row_without_a_test_says_why() -> None:
    assert [row for row in ROWS if not row.split("|")[4].strip()] == []
