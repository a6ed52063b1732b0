"""The staged code: compiled, lean, and the same however often it is made."""

from __future__ import annotations

import importlib.metadata
import os
import re
import shutil
import sys
from pathlib import Path

import pytest

from stacks.asset import CA_FILE_NAME, stage_functions
from tests.stacks.conftest import ROOT

TAG = sys.implementation.cache_tag


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of lambdas/ with what must not be shipped beside it."""
    root = tmp_path_factory.mktemp("project")
    shutil.copytree(ROOT / "lambdas", root / "lambdas")
    (root / "lambdas" / ".mypy_cache").mkdir()
    (root / "lambdas" / ".mypy_cache" / "x.json").write_text("{}")
    (root / "ca.pem").write_text("-----BEGIN CERTIFICATE-----\n")
    return root


def test_every_module_is_compiled_and_taken_without_a_look_at_its_source(project: Path) -> None:
    directory = stage_functions(project, None)
    for source in directory.rglob("*.py"):
        compiled = source.parent / "__pycache__" / f"{source.stem}.{TAG}.pyc"
        # Flags of an unchecked hash: PEP 552, bit 0 set, bit 1 clear.
        assert compiled.read_bytes()[4:8] == b"\x01\0\0\0", source


def test_nothing_else_is_shipped(project: Path) -> None:
    names = {path.name for path in stage_functions(project, None).rglob("*") if path.is_file()}
    assert all(name.endswith((".py", ".pyc")) for name in names)
    assert not any("test" in name for name in names)


def test_second_staging_is_the_first(project: Path) -> None:
    first = stage_functions(project, None)
    made = first.stat().st_mtime_ns
    os.utime(project / "lambdas" / "migration" / "model.py")
    assert stage_functions(project, None) == first
    assert first.stat().st_mtime_ns == made


def test_a_change_makes_another(project: Path) -> None:
    before = stage_functions(project, None)
    path = project / "lambdas" / "migration" / "model.py"
    path.write_text(path.read_text() + "# changed\n")
    assert stage_functions(project, None) != before


def test_database_ca_lies_beside_the_code(project: Path) -> None:
    assert (stage_functions(project, project / "ca.pem") / CA_FILE_NAME).read_text().startswith("-----BEGIN")


def test_every_dependency_of_the_layer_is_pinned() -> None:
    """The layer is installed without dependencies, so what is missing in the file would be missing in AWS."""
    lines = (ROOT / "lambdas" / "requirements.txt").read_text().splitlines()
    pinned = {line.split("==")[0].lower().replace("_", "-") for line in lines if not line.startswith("#")}
    needed = {_name(need) for name in pinned for need in importlib.metadata.requires(name) or [] if ";" not in need}
    assert needed <= pinned


def _name(requirement: str) -> str:
    match = re.match(r"[\w.-]+", requirement)
    assert match is not None
    return match[0].lower().replace("_", "-")
