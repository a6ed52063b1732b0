"""The commands of docs/runbook, typed as an operator types them, so that each command on a page has been run.

A page's commands stand in fences of their own with a name: ```` ```sh redrive ````. They use the variables SOURCE,
MIGRATION and EXECUTION, which the index tells the reader to set. `python -m rehearsal.runbook` lists them.
"""

import json
import os
import re
import subprocess
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rehearsal import execution
from rehearsal.account.settings import ROOT
from rehearsal.process import Account

PAGES = ROOT / "docs" / "runbook"
_FENCE = re.compile(r"^(?P<indent> *)```sh (?P<name>[a-z-]+)\n(?P<text>.*?)^ *```$", re.MULTILINE | re.DOTALL)
_TIME_LIMIT_SECONDS = 120.0


@dataclass(frozen=True)
class Commands:
    """One fence of a page: commands that are typed together."""

    page: str
    name: str
    text: str

    @property
    def label(self) -> str:
        """`operator-needed/redrive`."""
        return f"{self.page}/{self.name}"


@dataclass(frozen=True)
class Typed:
    """What commands printed. `refused` is the sentence of an operation that said no, which is no error to the CLI."""

    status: int
    printed: str
    errors: str

    @property
    def refused(self) -> str:
        """The errorMessage of a Lambda function that raised; empty when none did."""
        if '"FunctionError"' not in self.printed:
            return ""
        found = re.search(r'"errorMessage": ?("(?:[^"\\]|\\.)*")', self.printed)
        return str(json.loads(found[1])) if found else self.printed


def all_commands(pages: Path = PAGES) -> list[Commands]:
    """Every named fence of every page, in order."""
    return [
        Commands(path.stem, found["name"], textwrap.dedent(found["text"]))
        for path in sorted(pages.glob("*.md"))
        for found in _FENCE.finditer(path.read_text(encoding="utf-8"))
    ]


def commands(label: str) -> Commands:
    """`operator-needed/redrive` → its commands. Raises LookupError with the known ones."""
    found = {each.label: each for each in all_commands()}
    if label not in found:
        raise LookupError(f"the runbook has no commands {label}; known: {', '.join(found)}")
    return found[label]


def environment(account: Account, migration_id: str, execution_arn: str) -> dict[str, str]:
    """The operator's shell with the variables of the index set."""
    values = {"SOURCE": migration_id.rpartition("-")[0], "MIGRATION": migration_id, "EXECUTION": execution_arn}
    return execution.operator_environment(account) | values


def type_in(typed: Commands, shell: Mapping[str, str], log: Path | None = None) -> Typed:
    """Runs the commands in a shell that ends at the first that fails; `log` gets a line of JSON about it."""
    done = subprocess.run(
        ["sh", "-e", "-c", typed.text],
        env=dict(shell),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_TIME_LIMIT_SECONDS,
        check=False,
    )
    outcome = Typed(done.returncode, done.stdout, done.stderr.strip())
    if log:
        entry = {
            "commands": typed.label,
            "status": outcome.status,
            "refused": outcome.refused,
            "errors": outcome.errors,
        }
        with log.open("a", encoding="utf-8") as out:
            out.write(json.dumps(entry) + "\n")
    return outcome


def aws_calls(typed: Commands, scratch: Path) -> list[list[str]]:
    """The arguments of every `aws` call these commands make, found by running them with a stand-in for the CLI.

    Raises CalledProcessError when the shell itself refuses the commands.
    """
    stand_in, record = scratch / "aws", scratch / "calls"
    stand_in.write_text(f"#!/bin/sh\nprintf '%s\\0' \"$@\" >> '{record}'\nprintf '\\n\\0' >> '{record}'\necho answer\n")
    stand_in.chmod(0o755)
    record.write_bytes(b"")
    values = {"SOURCE": "orders-db", "MIGRATION": "orders-db-1f0c9a2b", "EXECUTION": "arn:aws:states:x:1:execution:m:e"}
    shell = values | {"PATH": f"{scratch}{os.pathsep}{os.environ['PATH']}"}
    subprocess.run(["sh", "-eu", "-c", typed.text], env=shell, check=True, capture_output=True, timeout=30)
    calls: list[list[str]] = [[]]
    for word in record.read_text(encoding="utf-8").split("\0")[:-1]:
        if word == "\n":
            calls.append([])
        else:
            calls[-1].append(word)
    return calls[:-1]


def main(pages: Sequence[Commands]) -> None:
    """Prints every command under its label."""
    for each in pages:
        print(f"# {each.label}\n{each.text}")


if __name__ == "__main__":
    main(all_commands())
