"""Fixtures of the integration tests: an installation of database servers that leaves nothing behind."""

import contextlib
import os
import shutil
import socket
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.account import time_factor
from rehearsal.account.rds.fleet import Fleet
from rehearsal.servers.installation import Installation
from tests.account_platform import MemoryPlatform
from tests.integration.rds_account import RdsAccount


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
    installation = Installation(state, _free_port())
    yield installation
    installation.kill_leftovers()
    shutil.rmtree(state, ignore_errors=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.21", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def rds(database_installation: Installation) -> Iterator[RdsAccount]:
    """An empty emulated RDS in which 600 AWS seconds pass in one."""
    before = time_factor.pace()
    time_factor.set_pace(600)
    yield RdsAccount(Fleet(MemoryPlatform(), database_installation))
    time_factor.set_pace(before)
