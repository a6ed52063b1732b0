"""Starts, finds and stops the process of the one-machine account.

A killed rehearsal leaves nothing that stops the next: what the record file of an earlier start names is ended first
(the account and the Lambda workers in its process group), and a port in use makes the account take another.
"""

import contextlib
import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from rehearsal.account.settings import ROOT

DEFAULT_PORT = 4566
DEFAULT_DNS_PORT = 15353
_PYTHON = ROOT / ".venv-account" / "bin" / "python"
_RUNTIME = ROOT / ".venv-runtime" / "bin" / "python"
_MODULE = "rehearsal.account.launcher"
_START_LIMIT_SECONDS = 60.0
_STOP_LIMIT_SECONDS = 10.0
_children: dict[int, "subprocess.Popen[bytes]"] = {}


class AccountError(RuntimeError):
    """The account cannot be started or asked; the message says what to do."""


@dataclass(frozen=True)
class Account:
    """A running account. `state_dir` holds account.log, calls.jsonl, mailbox.jsonl and account.json (this record)."""

    pid: int
    port: int
    dns_port: int
    state_dir: str

    @property
    def endpoint_url(self) -> str:
        """What AWS_ENDPOINT_URL is to be."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The AWS settings of the operator: the account's root user."""
        return {
            "AWS_ENDPOINT_URL": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_REGION": "us-east-1",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def get(self, path: str) -> Any:
        """GET `/_crossfade/<path>`; the parsed JSON. Raises AccountError when the account does not answer."""
        return self._ask(path)

    def calls(self, after: int = 0) -> list[dict[str, Any]]:
        """The call record (see rehearsal/account/call_record.py) from entry `after` on."""
        found: list[dict[str, Any]] = self.get(f"calls?after={after}")
        return found

    def mailbox(self, after: int = 0) -> list[dict[str, Any]]:
        """The e-mails sent through SNS (see rehearsal/account/mailbox.py) from message `after` on."""
        found: list[dict[str, Any]] = self.get(f"mailbox?after={after}")
        return found

    def set_pace(self, factor: float) -> None:
        """Let AWS time pass `factor` times faster than real time from now on."""
        self._ask("pace", {"factor": factor})

    def add_faults(self, *rules: dict[str, Any]) -> list[int]:
        """Let faults happen (see rehearsal/account/faults.py); the ids of the rules. Raises AccountError."""
        added: list[int] = self._ask("faults", list(rules))
        return added

    def faults(self) -> list[dict[str, Any]]:
        """The rules of faults, each with how often it has `matched` and `struck`."""
        found: list[dict[str, Any]] = self.get("faults")
        return found

    def clear_faults(self, *rule_ids: int) -> None:
        """Drop these rules of faults, or all of them."""
        for query in [f"?id={rule_id}" for rule_id in rule_ids] or [""]:
            self._ask(f"faults{query}", method="DELETE")

    def crash(self, instance: str) -> None:
        """Kill the server of a database instance; RDS starts it again. Raises AccountError."""
        self._ask("crash", {"instance": instance})

    def _ask(self, path: str, content: Any = None, method: str | None = None) -> Any:
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(f"{self.endpoint_url}/_crossfade/{path}", data=body, method=method)
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            msg = f"the account refused /_crossfade/{path}: {error.read().decode()}"
            raise AccountError(msg) from error
        except OSError as error:
            msg = (
                f"the account at {self.endpoint_url} does not answer ({error}); its log is {self.state_dir}/account.log"
            )
            raise AccountError(msg) from error


def start(
    *,
    port: int | None = None,
    state_dir: Path | None = None,
    pace: float = 60.0,
    emulated: Sequence[str] = ("rds", "dms"),
) -> Account:
    """Start the account, ending one left over in the same state directory; returns when it answers.

    `port` None: CROSSFADE_PORT, else 4566, else any free one. Raises AccountError.
    """
    directory = _state_dir(state_dir)
    directory.mkdir(parents=True, exist_ok=True)
    stop(directory)
    _require_environments()
    port = _free_port(port, "CROSSFADE_PORT", DEFAULT_PORT, socket.SOCK_STREAM)
    dns_port = _free_port(None, "CROSSFADE_DNS_PORT", DEFAULT_DNS_PORT, socket.SOCK_DGRAM)
    settings = {
        "PYTHONPATH": str(ROOT),
        "CROSSFADE_PORT": str(port),
        "CROSSFADE_DNS_PORT": str(dns_port),
        "CROSSFADE_ACCOUNT_DIR": str(directory),
        "CROSSFADE_PACE": str(pace),
        "CROSSFADE_EMULATED": ",".join(emulated),
    }
    process = _launch(directory, settings)
    account = Account(process.pid, port, dns_port, str(directory))
    _record(directory).write_text(json.dumps(asdict(account)))
    _await_health(account, process)
    return account


def _launch(directory: Path, settings: Mapping[str, str]) -> "subprocess.Popen[bytes]":
    with (directory / "account.log").open("wb") as log:
        process = subprocess.Popen(
            [_PYTHON, "-m", _MODULE],
            env={**os.environ, **settings},
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    _children[process.pid] = process
    return process


def running(state_dir: Path | None = None) -> Account | None:
    """The account that a start in this state directory left running, or None."""
    try:
        account = Account(**json.loads(_record(_state_dir(state_dir)).read_text()))
    except (OSError, ValueError, TypeError):
        return None
    return account if _is_account(account.pid) else None


def stop(state_dir: Path | None = None) -> bool:
    """End the account of this state directory, and its Lambda workers; whether there was anything to end."""
    record = _record(_state_dir(state_dir))
    try:
        pid = int(json.loads(record.read_text())["pid"])
    except (OSError, ValueError, TypeError, KeyError):
        return False
    record.unlink(missing_ok=True)
    if _is_running(pid) and not _is_account(pid):
        return False  # another process has the number by now
    return _end_group(pid)


@contextlib.contextmanager
def account(
    *, state_dir: Path | None = None, pace: float = 60.0, emulated: Sequence[str] = ("rds", "dms")
) -> Iterator[Account]:
    """An account for the time of a `with` block."""
    started = start(state_dir=state_dir, pace=pace, emulated=emulated)
    try:
        yield started
    finally:
        stop(Path(started.state_dir))


def _state_dir(given: Path | None) -> Path:
    return given or Path(os.environ.get("CROSSFADE_ACCOUNT_DIR") or ROOT / "build" / "account")


def _record(directory: Path) -> Path:
    return directory / "account.json"


def _require_environments() -> None:
    for python in (_PYTHON, _RUNTIME):
        if not python.exists():
            msg = f"{python} does not exist: run `make setup` first"
            raise AccountError(msg)


def _free_port(wanted: int | None, variable: str, default: int, kind: socket.SocketKind) -> int:
    """The port asked for, which must be free; else the default one, else any."""
    asked = wanted or int(os.environ.get(variable) or 0)
    if asked and not _is_free(asked, kind):
        msg = f"port {asked} is in use: end the process that listens there, or set {variable} to a free port"
        raise AccountError(msg)
    if asked or _is_free(default, kind):
        return asked or default
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(type=kind) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _await_health(started: Account, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + _START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        with contextlib.suppress(AccountError):
            started.get("health")
            return
        time.sleep(0.1)
    tail = (Path(started.state_dir) / "account.log").read_text(errors="replace")[-2000:]
    stop(Path(started.state_dir))
    msg = f"the account did not start; the end of {started.state_dir}/account.log:\n{tail}"
    raise AccountError(msg)


def _is_account(pid: int) -> bool:
    return _MODULE in _command_line(pid)


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        found = subprocess.run(["ps", "-p", str(pid), "-o", "command="], capture_output=True, text=True, check=False)
        return found.stdout


def _is_running(pid: int) -> bool:
    if pid in _children and _children[pid].poll() is not None:
        return False  # a dead child of ours that is not yet waited for counts as running
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _end_group(group: int) -> bool:
    """End a process group, asking first; False when nothing of it is left."""
    try:
        os.killpg(group, signal.SIGTERM)
    except (ProcessLookupError, PermissionError):
        return False
    deadline = time.monotonic() + _STOP_LIMIT_SECONDS
    while time.monotonic() < deadline and _is_running(group):
        time.sleep(0.05)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, signal.SIGKILL)
    if group in _children:
        _children.pop(group).wait()
    return True
