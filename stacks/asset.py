"""Stages the Lambda code: the tree of `lambdas/` with compiled bytecode and, if given, the database CA file.

Without bytecode a cold start costs several times the CPU, and nothing would write it in AWS, where the asset is
read-only.
Bytecode belongs to one minor version of Python: it helps in AWS only if it was compiled by the Python of the functions.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

from aws_cdk import aws_lambda

RUNTIME_VERSION = "3.13"
CA_FILE_NAME = "database-ca.pem"
_LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.pyc", "requirements.txt", ".*")


def function_code(root: Path, ca_file: Path | None) -> aws_lambda.AssetCode:
    """The asset of all functions: `root`/lambdas. Its hash follows contents alone, so a second deploy is a no-op."""
    staged = stage_functions(root, ca_file)
    return aws_lambda.Code.from_asset(str(staged), asset_hash=staged.name.rpartition("-")[2])


def stage_functions(root: Path, ca_file: Path | None) -> Path:
    """The directory that becomes the asset."""
    source = root / "lambdas"
    files = sorted(path for path in source.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    digest = contents_digest(source, files, [ca_file.read_bytes() if ca_file else b"", *map(str.encode, compilers())])

    def fill(staged: Path) -> None:
        shutil.copytree(source, staged, ignore=_LEFT_OUT, dirs_exist_ok=True)
        if ca_file:
            shutil.copyfile(ca_file, staged / CA_FILE_NAME)
        compile_bytecode(staged)

    return stage(root, "functions", digest, fill)


def stage(root: Path, name: str, digest: str, fill: Callable[[Path], None]) -> Path:
    """`build/assets/<name>-<digest>`, filled unless an earlier run did; renamed when complete."""
    finished = root / "build" / "assets" / f"{name}-{digest}"
    if finished.exists():
        return finished
    finished.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=finished.parent, prefix=f".{name}-") as scratch:
        staged = Path(scratch) / "staged"
        staged.mkdir()
        fill(staged)
        try:
            staged.rename(finished)
        except OSError:
            if not finished.exists():  # otherwise another synthesis was quicker, with the same bytes
                raise
    return finished


def contents_digest(base: Path, files: Iterable[Path], more: Iterable[bytes]) -> str:
    """SHA-256 over relative names and contents; modification times do not count."""
    digest = hashlib.sha256()
    parts = [part for path in files for part in (path.relative_to(base).as_posix().encode(), path.read_bytes())]
    for part in [*parts, *more]:
        digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def compile_bytecode(directory: Path) -> None:
    """Writes .pyc files that Python takes without looking at the source's time, which packing and unpacking changes."""
    for python in compilers():
        command = [
            python,
            "-m",
            "compileall",
            "-q",
            "--invalidation-mode",
            "unchecked-hash",
            "-s",
            str(directory),
            str(directory),
        ]
        subprocess.run(command, check=True, stdout=sys.stderr, env=_ENVIRONMENT)


@cache
def compilers() -> tuple[str, ...]:
    """The interpreters to compile with: the functions' own version where this machine has it, and the running one.

    The running one is what measures and rehearses the asset here; its files are ignored in AWS if the version differs.
    """
    wanted = shutil.which(f"python{RUNTIME_VERSION}")
    found = sys.version_info[:2] == tuple(map(int, RUNTIME_VERSION.split(".")))
    if wanted and not found and _runs(wanted):
        return (f"python{RUNTIME_VERSION}", sys.executable)
    return (sys.executable,)


def _runs(python: str) -> bool:
    # A pyenv shim lies on PATH for a version that is not selected, and fails.
    return subprocess.run([python, "-c", ""], capture_output=True, check=False).returncode == 0


# A fixed seed: the order of constants in bytecode follows the hashes of strings.
_ENVIRONMENT = {**os.environ, "PYTHONHASHSEED": "0"}
