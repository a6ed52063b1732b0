"""One pair of servers for all cut-over tests of a module: building it costs seconds, resetting it does not."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from moto import mock_aws

from migration import clients
from rehearsal.servers.installation import Installation
from tests.integration.cut_over.stage import Stage
from tests.ports import free_port

DOORS = (clients.dynamodb, clients.route53, clients.secretsmanager, clients.ssm)
ENVIRONMENT = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


@pytest.fixture(scope="module")
def built_stage() -> Iterator[Stage]:
    """Real servers under a directory that `nobody` can reach, on a port of their own."""
    state = Path(tempfile.mkdtemp(prefix=f"crossfade-cut-over-{os.geteuid()}-"))
    state.chmod(0o755)
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        for name in ENVIRONMENT:
            patch.setenv(name, "us-east-1")
        _forget_clients()
        stage = Stage(Installation(state, free_port("127.0.0.41")))
        try:
            stage.build()
            yield stage
        finally:
            stage.close()
            stage.installation.kill_leftovers()
            shutil.rmtree(state, ignore_errors=True)
            _forget_clients()


@pytest.fixture
def stage(built_stage: Stage) -> Stage:
    """The stage before a cut-over."""
    built_stage.reset()
    return built_stage


def _forget_clients() -> None:
    for door in DOORS:
        door.cache_clear()
