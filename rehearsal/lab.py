"""The lab: the account, the deployed app and the shop under load, left running for the operator's own commands."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict
from pathlib import Path

from rehearsal import execution, process
from rehearsal.account.settings import ROOT
from rehearsal.process import Account
from rehearsal.run import Rehearsal
from rehearsal.scenarios.happy_path import MIGRATION

DIRECTORY = ROOT / "build" / "rehearsal" / "lab"
READY_WITHIN_SECONDS = 300.0
ENDED_WITHIN_SECONDS = 60.0
_READY = "ready.json"


def up(pace: float) -> int:
    """Starts the lab in the background and prints where it is and how to start a migration; 0 when it is ready."""
    down()
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    (DIRECTORY / _READY).unlink(missing_ok=True)  # an earlier lab's: the keeper clears its directory only once it runs
    log = DIRECTORY.with_suffix(".log")
    with log.open("wb") as out:
        keeper = subprocess.Popen(
            [sys.executable, "-m", "rehearsal.lab", str(pace)],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    _pid_file().write_text(str(keeper.pid), encoding="utf-8")
    deadline = time.monotonic() + READY_WITHIN_SECONDS
    while not (DIRECTORY / _READY).exists():
        if keeper.poll() is not None or time.monotonic() > deadline:
            print(f"the lab did not start; the end of {log}:\n{log.read_text(encoding='utf-8')[-2000:]}")
            return 1
        time.sleep(0.2)
    print(json.loads((DIRECTORY / _READY).read_text(encoding="utf-8"))["text"])
    return 0


def down() -> int:
    """Ends the lab; it is fine if there is none."""
    pid = _keeper()
    if pid is None and not _end_orphan():
        print("no lab is running")
        return 0
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + ENDED_WITHIN_SECONDS
        while _keeper() == pid:
            if time.monotonic() > deadline:
                print(
                    f"the lab (process {pid}) does not end: look at {DIRECTORY.with_suffix('.log')}, then kill -9 {pid}"
                )
                return 1
            time.sleep(0.1)
    _pid_file().unlink(missing_ok=True)
    (DIRECTORY / _READY).unlink(missing_ok=True)
    print("the lab has ended")
    return 0


def keep(pace: float) -> None:
    """The background process: builds everything, says that it is ready, and waits for SIGTERM."""
    with Rehearsal("lab", pace) as rehearsal:
        rehearsal.build()
        rehearsal.start_load()
        ready = {"text": instructions(rehearsal), "account": asdict(rehearsal.account)}
        partial = DIRECTORY / f"{_READY}.partial"
        partial.write_text(json.dumps(ready), encoding="utf-8")
        partial.rename(DIRECTORY / _READY)  # complete when `up` sees it
        while True:
            rehearsal.workload.check()
            time.sleep(1)


def instructions(rehearsal: Rehearsal) -> str:
    """What an operator types: the environment of the account, then the commands of the README."""
    environment = {**rehearsal.account.environment, "AWS_PAGER": "", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    exports = "\n".join(f"  export {name}={value}" for name, value in sorted(environment.items()))
    arn = execution.STATE_MACHINE.replace(":stateMachine:", ":execution:")
    return f"""The lab is running: one second is {rehearsal.pace:g} seconds of AWS.

The account (in your shell):
  unset AWS_PROFILE AWS_SESSION_TOKEN
{exports}
  export PATH={ROOT / ".venv" / "bin"}:$PATH

The shop's database: {rehearsal.shop.host} (port {rehearsal.shop.port}); its load: {DIRECTORY}/writes.json, reads.json
E-mails to on-call:  curl -s {rehearsal.account.endpoint_url}/_crossfade/mailbox

Start a migration:
  {execution.start_command(MIGRATION)}
Watch it:
  aws stepfunctions list-executions --state-machine-arn {execution.STATE_MACHINE}
  aws stepfunctions get-execution-history --reverse-order --max-items 5 --execution-arn {arn}:NAME
Let a week pass in six seconds (during Bake):
  curl -s -d '{{"factor": 100000}}' {rehearsal.account.endpoint_url}/_crossfade/pace
End the lab:
  make lab-down"""


def _end_orphan() -> bool:
    """Ends the account of a lab whose keeper was killed; False when there is none, or another run has taken over."""
    try:
        left = Account(**json.loads((DIRECTORY / _READY).read_text(encoding="utf-8"))["account"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    directory = Path(left.state_dir)
    return process.running(directory) == left and process.stop(directory)


def _pid_file() -> Path:
    return DIRECTORY.with_suffix(".pid")


def _keeper() -> int | None:
    """The running keeper's pid; a stale file, or a pid that another program has by now, counts as none."""
    try:
        pid = int(_pid_file().read_text(encoding="utf-8"))
        command = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if b"rehearsal.lab" in command else None


if __name__ == "__main__":
    keep(float(sys.argv[1]))
