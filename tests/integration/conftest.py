"""Fixtures of the integration tests: an installation of database servers that leaves nothing behind."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from moto import mock_aws

from migration import clients
from rehearsal.account import time_factor
from rehearsal.account.rds.fleet import Fleet
from rehearsal.servers.installation import Installation
from tests.account_platform import MemoryPlatform
from tests.integration.rds_account import RdsAccount
from tests.integration.task_account import ENVIRONMENT, MotoPlatform, TaskAccount, name_resolver
from tests.ports import free_port


@pytest.fixture
def database_installation() -> Iterator[Installation]:
    """Servers under a directory that `nobody` can reach (pytest's own are closed to others), on a port of their own."""
    with _installation() as installation:
        yield installation


@pytest.fixture(scope="module")
def installation_of_module() -> Iterator[Installation]:
    """Like `database_installation`, for all tests of a file."""
    with _installation() as installation:
        yield installation


@contextlib.contextmanager
def _installation() -> Iterator[Installation]:
    state = Path(tempfile.mkdtemp(prefix=f"crossfade-test-{os.geteuid()}-"))
    state.chmod(0o755)
    installation = Installation(state, free_port("127.0.0.21"))
    yield installation
    installation.kill_leftovers()
    shutil.rmtree(state, ignore_errors=True)


@pytest.fixture
def rds(database_installation: Installation) -> Iterator[RdsAccount]:
    """An empty emulated RDS in which 600 AWS seconds pass in one."""
    before = time_factor.pace()
    time_factor.set_pace(600)
    yield RdsAccount(Fleet(MemoryPlatform(), database_installation))
    time_factor.set_pace(before)


@pytest.fixture
def account(database_installation: Installation, monkeypatch: pytest.MonkeyPatch) -> Iterator[TaskAccount]:
    """An account in which tasks run, 600 times faster; deploy() makes its source."""
    with _account(database_installation, monkeypatch) as made:
        yield made


@pytest.fixture(scope="module")
def account_of_module(installation_of_module: Installation) -> Iterator[TaskAccount]:
    """Like `account`, for all tests of a file."""
    with pytest.MonkeyPatch.context() as patch, _account(installation_of_module, patch) as made:
        yield made


@contextlib.contextmanager
def _account(installation: Installation, patch: pytest.MonkeyPatch) -> Iterator[TaskAccount]:
    for name, value in ENVIRONMENT.items():
        patch.setenv(name, value)
    before = time_factor.pace()
    time_factor.set_pace(600)
    platform = MotoPlatform()
    patch.setattr(socket, "getaddrinfo", name_resolver(platform))
    with mock_aws():
        _forget_clients()
        yield TaskAccount(RdsAccount(Fleet(platform, installation)))
        platform.closed = True
    _forget_clients()
    time_factor.set_pace(before)


def _forget_clients() -> None:
    """A client made for one test is bound to that test's account."""
    doors: list[Any] = [clients.rds, clients.dms, clients.dynamodb, clients.secretsmanager, clients.ssm]
    doors += [clients.cloudwatch, clients.route53, clients.scheduler, clients.sns, clients.stepfunctions]
    for door in doors:
        door.cache_clear()
