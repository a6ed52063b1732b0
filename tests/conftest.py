"""The tests run in several processes at once (`make test`), or in one (`pytest -p no:xdist`)."""

import os

from rehearsal import process

_PORTS_A_WORKER = 16
_GIVEN = ("CROSSFADE_PORT", "CROSSFADE_DNS_PORT", "CROSSFADE_DB_PORT", "CROSSFADE_ACCOUNT_DIR", "CROSSFADE_STATE")


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
