"""The short scenarios as they are run by hand, in one shop: a dry run, and everything an operator can get wrong."""

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rehearsal.account.settings import ROOT
from rehearsal.run import Rehearsal
from rehearsal.scenarios import dry_run, wrong_input
from tests.ports import free_port

PACE = 100.0


@pytest.fixture(scope="module")
def rehearsal() -> Iterator[Rehearsal]:
    """The shop and the deployed app in an account of its own: a rehearsal or lab under way is not disturbed."""
    state = Path(tempfile.mkdtemp(prefix=f"crossfade-scenarios-{os.geteuid()}-"))
    state.chmod(0o755)  # as root, the servers run as another user
    # The account's CA is a setting of the app, which names files within the project.
    account = Path(tempfile.mkdtemp(prefix="scenarios-", dir=ROOT / "build"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CROSSFADE_STATE", str(state))
        patch.setenv("CROSSFADE_ACCOUNT_DIR", str(account))
        patch.setenv("CROSSFADE_DB_PORT", str(free_port()))
        patch.setenv("CROSSFADE_PORT", str(free_port()))
        patch.setenv("CROSSFADE_DNS_PORT", str(free_port()))
        with Rehearsal("scenarios", PACE) as started:
            wrong_input.build(started)
            yield started
    shutil.rmtree(account, ignore_errors=True)
    shutil.rmtree(state, ignore_errors=True)


def test_a_dry_run_prints_the_plan_and_changes_nothing(rehearsal: Rehearsal, capfd: pytest.CaptureFixture[str]) -> None:
    assert dry_run.rehearse(rehearsal) == 0
    assert "method      dms on dms." in capfd.readouterr().out


def test_every_mistake_is_refused_within_the_first_state(rehearsal: Rehearsal) -> None:
    wrong_input.make_aurora(rehearsal)
    assert wrong_input.rehearse(rehearsal) == 0
