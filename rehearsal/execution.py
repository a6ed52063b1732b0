"""A migration's execution as an operator drives it: started with the AWS CLI, followed through its history."""

import json
import os
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from rehearsal.account.settings import ROOT
from rehearsal.ground import client
from rehearsal.process import Account

STATE_MACHINE = "arn:aws:states:us-east-1:000000000000:stateMachine:crossfade-migrate"
AWS = ROOT / ".venv" / "bin" / "aws"


class CommandFailed(RuntimeError):
    """A command of the operator failed; the message holds what it printed."""


@dataclass(frozen=True)
class Stage:
    """One visit of a state. Times are seconds since 1970; `left` is None while it is there."""

    name: str
    entered: float
    left: float | None = None


@dataclass
class Execution:
    """One execution of crossfade-migrate."""

    account: Account
    arn: str

    def status(self) -> str:
        """RUNNING, SUCCEEDED, FAILED, TIMED_OUT or ABORTED."""
        return str(self._client().describe_execution(executionArn=self.arn)["status"])

    def history(self) -> list[dict[str, Any]]:
        """Every event, oldest first (GetExecutionHistory, all pages)."""
        pages = self._client().get_paginator("get_execution_history").paginate(executionArn=self.arn)
        return [event for page in pages for event in page["events"]]

    def recent(self, count: int = 60) -> list[dict[str, Any]]:
        """The latest events, oldest first."""
        found = self._client().get_execution_history(executionArn=self.arn, maxResults=count, reverseOrder=True)
        return list(reversed(found["events"]))

    def _client(self) -> Any:
        return client(self.account, "stepfunctions")


def start(account: Account, migration: Mapping[str, Any]) -> Execution:
    """Starts an execution as the README says to. Raises CommandFailed."""
    printed = command(account, start_command(migration))
    return Execution(account, json.loads(printed)["executionArn"])


def start_command(migration: Mapping[str, Any]) -> str:
    """The shell command that starts a migration."""
    text = json.dumps(migration, separators=(",", ":"))
    return f"aws stepfunctions start-execution --state-machine-arn {STATE_MACHINE} --input '{text}' --output json"


def command(account: Account, line: str) -> str:
    """Runs a shell command as the operator: what it printed. Raises CommandFailed."""
    done = subprocess.run(
        ["sh", "-c", line], env=operator_environment(account), capture_output=True, text=True, timeout=60, check=False
    )
    if done.returncode:
        raise CommandFailed(f"{line}\nended with {done.returncode}: {(done.stderr or done.stdout).strip()[-2000:]}")
    return done.stdout


def operator_environment(account: Account) -> dict[str, str]:
    """The environment of an operator's shell: the project's aws CLI first in PATH, and the account's address."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    path = f"{AWS.parent}{os.pathsep}{own.get('PATH', '')}"
    return {
        **own,
        **account.environment,
        "PATH": path,
        "AWS_PAGER": "",
        "NO_PROXY": "127.0.0.1",
        "no_proxy": "127.0.0.1",
    }


def stages(history: Iterable[Mapping[str, Any]]) -> list[Stage]:
    """The states visited, in order."""
    visited: list[Stage] = []
    for event in history:
        at = _seconds(event["timestamp"])
        if entered := event.get("stateEnteredEventDetails"):
            visited.append(Stage(entered["name"], at))
        elif left := event.get("stateExitedEventDetails"):
            visited = [_left(stage, left["name"], at) for stage in visited]
    return visited


def result_of(state: str, key: str, history: Iterable[Mapping[str, Any]]) -> Any:
    """What a state that was left put under its key; None when it was not left."""
    details = (event.get("stateExitedEventDetails", {}) for event in history)
    return next((json.loads(each["output"]).get(key) for each in details if each.get("name") == state), None)


def message(event: Mapping[str, Any]) -> str | None:
    """The progress message of an attempt that is not ready yet, or the error it failed with: `Name: text`."""
    for name in ("taskFailedEventDetails", "lambdaFunctionFailedEventDetails", "executionFailedEventDetails"):
        if details := event.get(name):
            return f"{details.get('error', '')}: {_cause(details.get('cause', ''))}"
    return None


def _left(stage: Stage, name: str, at: float) -> Stage:
    return Stage(stage.name, stage.entered, at) if stage.left is None and stage.name == name else stage


def _cause(text: str) -> str:
    try:
        return str(json.loads(text)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return text


def _seconds(at: datetime | float) -> float:
    return at.timestamp() if isinstance(at, datetime) else float(at)
