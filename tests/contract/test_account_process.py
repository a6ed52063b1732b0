"""Whatever became of an earlier account, the next one starts."""

import os
import signal
import socket
import time
from pathlib import Path

import pytest

from rehearsal import process
from rehearsal.process import Account, AccountError


@pytest.fixture
def state_dir(tmp_path: Path) -> Path:
    return tmp_path / "account"


def test_a_killed_account_does_not_stop_the_next(state_dir: Path) -> None:
    first = process.start(state_dir=state_dir, emulated=())
    os.kill(first.pid, signal.SIGKILL)
    with process.account(state_dir=state_dir, emulated=()) as second:
        assert second.get("health") == {"status": "ok"}
    assert process.running(state_dir) is None
    assert not process.stop(state_dir), "there is nothing left to stop"


def test_a_running_account_is_replaced(state_dir: Path) -> None:
    first = process.start(state_dir=state_dir, emulated=())
    with process.account(state_dir=state_dir, emulated=()) as second:
        assert process.running(state_dir) == second
        assert not process._is_running(first.pid)


def test_a_record_of_somebody_elses_process_is_ignored(state_dir: Path) -> None:
    state_dir.mkdir()
    (state_dir / "account.json").write_text(f'{{"pid": {os.getpid()}, "port": 1, "dns_port": 1, "state_dir": "x"}}')
    assert process.running(state_dir) is None
    assert not process.stop(state_dir)


def test_a_port_that_was_asked_for_and_is_taken_is_named(state_dir: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(AccountError, match=f"port {port} is in use: end the process"):
            process.start(state_dir=state_dir, port=port, emulated=())


def test_the_pace_can_be_changed_and_waits_follow(account: Account) -> None:
    account.set_pace(120)
    assert account.get("pace") == {"factor": 120.0}
    account.set_pace(60)
    with pytest.raises(AccountError, match="between 1 and 100000"):
        account.set_pace(0)


def test_an_unknown_endpoint_names_the_known_ones(account: Account) -> None:
    with pytest.raises(AccountError, match="known: GET health, GET calls, GET mailbox, GET names, GET pace"):
        account.get("nothing")


def test_the_call_record_is_kept_in_a_file(account: Account) -> None:
    time.sleep(0.05)
    assert len(Path(account.state_dir, "calls.jsonl").read_text().splitlines()) == len(account.calls())
