"""The layer with the third-party code of the functions, made by pip without Docker."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from aws_cdk import RemovalPolicy, aws_lambda
from constructs import Construct

from stacks.asset import RUNTIME_VERSION, compile_bytecode, compilers, contents_digest, stage

PLATFORM = "manylinux2014_aarch64"


def dependency_layer(scope: Construct, root: Path) -> aws_lambda.LayerVersion:
    """Everything pinned in lambdas/requirements.txt, for arm64 and the functions' Python, bytecode included."""
    staged = stage_layer(root)
    return aws_lambda.LayerVersion(
        scope,
        "Dependencies",
        layer_version_name="crossfade-dependencies",
        code=aws_lambda.Code.from_asset(str(staged), asset_hash=staged.name.rpartition("-")[2]),
        compatible_runtimes=[aws_lambda.Runtime.PYTHON_3_13],
        compatible_architectures=[aws_lambda.Architecture.ARM_64],
        removal_policy=RemovalPolicy.DESTROY,
    )


def stage_layer(root: Path) -> Path:
    """The directory that becomes the layer."""
    requirements = root / "lambdas" / "requirements.txt"
    more = [PLATFORM, RUNTIME_VERSION, *compilers()]
    digest = contents_digest(root, [requirements], map(str.encode, more))
    return stage(root, "layer", digest, lambda directory: _install(requirements, directory / "python"))


def _install(requirements: Path, directory: Path) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-compile"]
    command += ["--platform", PLATFORM, "--python-version", RUNTIME_VERSION, "--implementation", "cp"]
    # Every transitive dependency is pinned in the file, so that two builds of one commit hold the same code.
    command += ["--only-binary=:all:", "--no-deps", "--target", str(directory), "--requirement", str(requirements)]
    outcome = subprocess.run(command, capture_output=True, text=True, check=False)
    if outcome.returncode:
        raise RuntimeError(f"pip could not make the layer:\n{outcome.stderr}")
    shutil.rmtree(directory / "bin", ignore_errors=True)
    compile_bytecode(directory)
