"""Deploys the real app into the one-machine account with the real CDK CLI: bootstrap, synth, deploy.

A synthesized app is kept under the hash of everything it is made from, so that only a change costs a synthesis.
"""

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from rehearsal.account.settings import ROOT
from rehearsal.process import Account

BUILD = ROOT / "build"
NODE = ROOT / ".venv" / "bin" / "node"
_CDK = BUILD / "node" / "node_modules" / "aws-cdk" / "bin" / "cdk"
_MADE_FROM = ("app.py", "cdk.json", "requirements.txt", "stacks", "lambdas", "statemachines")
_KEPT_ASSEMBLIES = 5
_ACCOUNT_ID = "000000000000"
Report = Callable[[str], None]


class DeployError(RuntimeError):
    """A step of the deployment failed; the message holds the end of what it printed."""


def deploy(account: Account, settings: Mapping[str, Any], report: Report = print) -> dict[str, dict[str, str]]:
    """Bootstrap the account and deploy the app with these settings (docs/settings.md): outputs by stack.

    Raises DeployError.
    """
    install_cdk()
    environment = _environment(account)
    report("cdk bootstrap")
    target = f"aws://{_ACCOUNT_ID}/{environment['AWS_REGION']}"
    bootstrap = _start(["bootstrap", target, "--app", ""], environment)
    try:
        assembly = synthesize(settings, report)
    finally:
        _finish(bootstrap, "cdk bootstrap")
    report("cdk deploy")
    outputs = Path(account.state_dir) / "outputs.json"
    options = ["--require-approval", "never", "--outputs-file", str(outputs), "--progress", "events"]
    _finish(_start(["deploy", "--all", "--app", str(assembly), *options], environment), "cdk deploy")
    deployed: dict[str, dict[str, str]] = json.loads(outputs.read_text())
    return deployed


def install_cdk() -> None:
    """Put the CDK CLI, pinned in rehearsal/package.json, under build/node unless it is there."""
    if _CDK.exists():
        return
    directory = BUILD / "node"
    directory.mkdir(parents=True, exist_ok=True)
    shutil.copy(ROOT / "rehearsal" / "package.json", directory)
    npm = [str(NODE.with_name("npm")), "install", "--prefix", str(directory), "--no-audit", "--no-fund", "--silent"]
    done = subprocess.run(npm, capture_output=True, text=True, check=False)
    if done.returncode:
        msg = f"npm install failed:\n{done.stderr[-2000:]}"
        raise DeployError(msg)


def synthesize(settings: Mapping[str, Any], report: Report = print) -> Path:
    """The cloud assembly of the app with these settings; from an earlier run when nothing has changed."""
    text = json.dumps(settings, indent=2, sort_keys=True)
    assembly = BUILD / "assemblies" / _digest(text)
    if not (assembly / "manifest.json").exists():
        report("cdk synth")
        assembly.parent.mkdir(parents=True, exist_ok=True)
        _discard_old(assembly.parent)
        context = assembly.with_suffix(".settings.json")
        context.write_text(text)
        partial = assembly.with_suffix(f".{os.getpid()}.partial")
        shutil.rmtree(partial, ignore_errors=True)
        command = ["synth", "--quiet", "--output", str(partial), "--context", f"crossfade={context}"]
        _finish(_start(command, dict(os.environ)), "cdk synth")
        try:
            partial.rename(assembly)
        except OSError:
            if not assembly.exists():  # otherwise another run was quicker, with the same contents
                raise
            shutil.rmtree(partial, ignore_errors=True)
    return assembly


def _digest(settings: str) -> str:
    digest = hashlib.sha256(settings.encode())
    for path in _sources():
        digest.update(f"\0{path.relative_to(ROOT)}\0".encode())
        digest.update(path.read_bytes())
    for path in _named_files(json.loads(settings)):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:24]


def _sources() -> Iterator[Path]:
    for name in _MADE_FROM:
        top = ROOT / name
        files = [top] if top.is_file() else sorted(path for path in top.rglob("*") if path.is_file())
        yield from (path for path in files if "__pycache__" not in path.parts)


def _named_files(value: Any) -> Iterator[Path]:
    """Files that a setting names: their contents are part of the app."""
    if isinstance(value, Mapping):
        for each in value.values():
            yield from _named_files(each)
    elif isinstance(value, str) and "/" in value and (ROOT / value).is_file():
        yield ROOT / value


def _discard_old(directory: Path) -> None:
    assemblies = sorted((path for path in directory.iterdir() if path.is_dir()), key=lambda path: path.stat().st_mtime)
    for path in assemblies[: -_KEPT_ASSEMBLIES + 1]:
        shutil.rmtree(path, ignore_errors=True)
        path.with_suffix(".settings.json").unlink(missing_ok=True)


def _environment(account: Account) -> dict[str, str]:
    # A proxy of the user's shell must not see calls to this machine.
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    return own | account.environment | {"NO_PROXY": "127.0.0.1,localhost", "no_proxy": "127.0.0.1,localhost"}


def _start(arguments: list[str], environment: Mapping[str, str]) -> "subprocess.Popen[str]":
    path = f"{NODE.parent}{os.pathsep}{environment.get('PATH', '')}"
    quiet = {"JSII_SILENCE_WARNING_UNTESTED_NODE_VERSION": "1", "CDK_DISABLE_CLI_TELEMETRY": "true", "CI": "true"}
    return subprocess.Popen(
        [NODE, _CDK, "--no-notices", *arguments],
        cwd=ROOT,
        env={**environment, **quiet, "PATH": path},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def _finish(process: "subprocess.Popen[str]", step: str) -> None:
    printed, _ = process.communicate()
    if process.returncode:
        msg = f"{step} failed:\n{printed[-4000:]}"
        raise DeployError(msg)
