"""The tests run in several processes at once (`make test`), or in one (`pytest -p no:xdist`)."""

import os
from pathlib import Path

import pytest

from rehearsal import process

_HERE = Path(__file__).parent
_PORTS_A_WORKER = 16
_GIVEN = ("CROSSFADE_PORT", "CROSSFADE_DNS_PORT", "CROSSFADE_DB_PORT", "CROSSFADE_ACCOUNT_DIR", "CROSSFADE_STATE")
_LONGEST_FIRST = {name: rank for rank, name in enumerate(("rehearsal", "integration", "contract", "stacks"))}


def pytest_configure() -> None:
    """Keep the accounts of the workers apart: two that start together would both find the default ports free."""
    worker = os.environ.get("PYTEST_XDIST_WORKER")
    if worker is None:
        return
    first = _PORTS_A_WORKER * int(worker.removeprefix("gw"))
    process.DEFAULT_PORT += first
    process.DEFAULT_DNS_PORT += first
    for name in _GIVEN:
        os.environ.pop(name, None)  # meant for one account, and every worker would take it


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the files that take longest, so that no worker is left alone with one at the end."""
    items.sort(key=lambda item: _LONGEST_FIRST.get(item.path.relative_to(_HERE).parts[0], len(_LONGEST_FIRST)))
