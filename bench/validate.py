"""`python -m bench.validate`: the synthesized app under cfn-lint, cdk-nag, asl-validator and CDK's own eyes.

Reads the work tree only; what it makes goes to build/validate. Exit status 1 and one line per finding if there are any.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from bench.accepted_findings import ACCEPTED

ROOT = Path(__file__).resolve().parents[1]
BIN = Path(sys.executable).parent
BUILD = ROOT / "build" / "validate"
ASSEMBLY = BUILD / "assembly"
REPORT = "validation-report.json"


def synthesize() -> None:
    """The app into build/validate/assembly, cdk-nag's report beside it. Raises RuntimeError when there is no report."""
    shutil.rmtree(ASSEMBLY, ignore_errors=True)
    done = _run(sys.executable, "-m", "bench.audited_synthesis", str(ASSEMBLY))
    # Findings end the synthesis after the report is written; without a report it failed for another reason.
    if not (ASSEMBLY / REPORT).exists():
        raise RuntimeError(f"the app does not synthesize:\n{done.stderr}")


def cdk_warnings() -> Iterator[str]:
    """Warnings and errors that constructs left in the assembly."""
    for path in ASSEMBLY.glob("*.metadata.json"):
        for where, entries in json.loads(path.read_text()).items():
            yield from (f"{where}: {each['data']}" for each in entries if each["type"] in _ANNOTATIONS)


_ANNOTATIONS = ("aws:cdk:warning", "aws:cdk:error")


def nag_findings() -> Iterator[str]:
    """Findings nobody has accepted, and acceptances of what is not found any more."""
    report: dict[str, Any] = json.loads((ASSEMBLY / REPORT).read_text())
    if not report["pluginReports"]:
        yield "cdk-nag has not run"
    found = [violation for plugin in report["pluginReports"] for violation in plugin["violations"]]
    for violation in found:
        if not any(re.fullmatch(pattern, violation["ruleName"]) for pattern in ACCEPTED):
            for construct in violation["violatingConstructs"]:
                yield f"{violation['ruleName']} at {construct['constructPath']}: {violation['description']}"
    for pattern in ACCEPTED:
        if not any(re.fullmatch(pattern, violation["ruleName"]) for violation in found):
            yield f"accepted, but not found any more: {pattern}"


def template_findings() -> Iterator[str]:
    """cfn-lint, warnings included."""
    templates = map(str, ASSEMBLY.glob("*.template.json"))
    # W3005: CDK writes a DependsOn for a role that a function refers to as well. Harmless, and not ours.
    options = ("--format", "parseable", "--ignore-checks", "W3005", "--")
    yield from _complaints(_run(str(BIN / "cfn-lint"), *options, *templates))


def definition_findings() -> Iterator[str]:
    """asl-validator over the state machine with ARNs in place of its placeholders."""
    text = (ROOT / "statemachines" / "migrate.asl.json").read_text()
    filled = re.sub(r"\$\{(\w+)\}", r"arn:aws:lambda:us-east-1:123456789012:function:\1", text)
    path = BUILD / "migrate.asl.json"
    path.write_text(filled)
    binary = ROOT / "build" / "node" / "node_modules" / "asl-validator" / "dist" / "bin" / "asl-validator.js"
    yield from _complaints(_run(str(BIN / "node"), str(binary), "--json-path", str(path)))


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    path = f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}"
    return subprocess.run(
        command, capture_output=True, text=True, check=False, cwd=ROOT, env={**os.environ, "PATH": path}
    )


def _complaints(done: subprocess.CompletedProcess[str]) -> list[str]:
    return (done.stdout + done.stderr).splitlines() if done.returncode else []


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "CDK warnings": cdk_warnings,
    "cdk-nag": nag_findings,
    "cfn-lint": template_findings,
    "asl-validator": definition_findings,
}


def main() -> int:
    """Prints one line for each validator and one for each finding."""
    synthesize()
    status = 0
    for name, check in CHECKS.items():
        findings = list(check())
        print(f"{name}: {'clean' if not findings else f'{len(findings)} findings'}")
        for finding in findings:
            print(f"  {finding}")
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main())
