"""Who may import whom (docs of the layout: DESIGN). The tree is small enough to say it with import statements."""

from __future__ import annotations

import ast
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LAMBDAS = ROOT / "lambdas"
MIGRATION = sorted(path.stem for path in (LAMBDAS / "migration").glob("*.py") if path.stem != "__init__")
HANDLERS = [path for package in ("tasks", "operations", "events") for path in (LAMBDAS / package).glob("[!_]*.py")]
VOCABULARY = {"errors", "model"}
OUTSIDE = {"boto3", "botocore", "pg8000", "scramp", "aws_lambda_powertools"}


@cache
def imports(path: Path) -> frozenset[str]:
    """Modules a file imports at run time: `migration.model`, `boto3`, …"""
    found: set[str] = set()
    for node in _run_time(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            source = node.module or ""
            submodules = {f"{source}.{alias.name}" for alias in node.names}
            found |= {name for name in submodules if (LAMBDAS / (name.replace(".", "/") + ".py")).exists()} or {source}
    return frozenset(found)


def _run_time(tree: ast.AST) -> list[ast.AST]:
    skipped = {id(inner) for node in ast.walk(tree) if _is_type_checking(node) for inner in ast.walk(node)}
    return [node for node in ast.walk(tree) if id(node) not in skipped]


def _is_type_checking(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING"


def top(names: frozenset[str]) -> set[str]:
    return {name.split(".")[0] for name in names}


def ours(names: frozenset[str]) -> set[str]:
    return {name.removeprefix("migration.") for name in names if name.startswith("migration.")}


def is_adapter(module: str) -> bool:
    """Touches AWS, a driver or the logger, by import or through a client it is given."""
    path = LAMBDAS / "migration" / f"{module}.py"
    return bool(top(imports(path)) & OUTSIDE) or "types_boto3_" in path.read_text()


@pytest.mark.parametrize("module", sorted(VOCABULARY))
def test_vocabulary_imports_the_standard_library_only(module: str) -> None:
    assert top(imports(LAMBDAS / "migration" / f"{module}.py")) <= set(sys.stdlib_module_names)


@pytest.mark.parametrize("module", MIGRATION)
def test_only_adapters_touch_the_outside(module: str) -> None:
    path = LAMBDAS / "migration" / f"{module}.py"
    outside = top(imports(path)) - set(sys.stdlib_module_names) - {"migration"}
    assert outside <= OUTSIDE | {"numpy"}
    if {"boto3", "botocore"} & outside:
        assert module in {"clients", "ledger"}
    if {"pg8000", "scramp"} & outside:
        assert module in {"database", "scram"}
    if "numpy" in outside:  # the optimizer's own layer; no task may need it
        assert module.startswith("capacity_") or module == "scaling_model"


@pytest.mark.parametrize("module", [name for name in MIGRATION if is_adapter(name)])
def test_adapters_do_not_know_each_other(module: str) -> None:
    others = {name for name in ours(imports(LAMBDAS / "migration" / f"{module}.py")) if is_adapter(name)}
    assert others <= {"clients"}


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_handlers_import_the_package_and_no_other_handler(path: Path) -> None:
    assert top(imports(path)) - set(sys.stdlib_module_names) <= {"migration"}


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_handlers_leave_errors_to_adapters_and_the_machine(path: Path) -> None:
    assert not [node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Try)]


@pytest.mark.parametrize("folder", ["lambdas", "stacks", "client", "statemachines"])
def test_the_product_knows_nothing_of_being_rehearsed(folder: str) -> None:
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in {".py", ".json"}:
            text = path.read_text().lower()
            assert "ministack" not in text, path
            assert "import rehearsal" not in text, path
            assert "from rehearsal" not in text, path


def test_stacks_do_not_import_what_they_deploy() -> None:
    for path in (ROOT / "stacks").glob("*.py"):
        assert not top(imports(path)) & {"migration", "tasks", "events", "operations", "lambdas"}
        assert top(imports(path)) - set(sys.stdlib_module_names) <= {"aws_cdk", "constructs", "stacks", "cdk_nag"}


def test_no_drawers() -> None:
    for folder in ("lambdas", "stacks", "client", "rehearsal", "bench"):
        names = {path.stem for path in (ROOT / folder).rglob("*.py")}
        assert not names & {"utils", "util", "helpers", "helper", "common", "manager", "misc"}
