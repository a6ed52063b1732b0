"""Stubborn clients with the source's address in their settings open new sessions all through the fence, both ways."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from crossfade_client import Resolver, sqlstate
from rehearsal.bakes import WEEK, roll_back
from rehearsal.light import Scenario, Story
from rehearsal.watcher import JOURNAL, PROBE
from rehearsal.workload.application import Dialler
from rehearsal.workload.journal import Journal
from rehearsal.workload.pace import start_threads

CLIENTS_A_SIDE = 2
PAUSE_SECONDS = 0.005
REFUSED_PAUSE_SECONDS = 0.05


class StubbornClient:
    """One session for each write, one after another; each is recorded as the watcher records its probes."""

    def __init__(self, it: Story, side: str, number: int, host: Callable[[], str | None]) -> None:
        settings = it.load.settings
        address, _, port = settings.name_server.rpartition(":")
        self._resolver, self._dialler = Resolver([(address, int(port))]), Dialler(settings)
        self._port, self._host = settings.port, host
        self._side, self._name = side, f"watch:stubborn-{side}-{number}"

    def work(self, journal: Journal, stop: threading.Event) -> None:
        """Writes until told to stop."""
        count = 0
        while not stop.is_set():
            host = self._host()
            if host is None:
                stop.wait(1.0)
                continue
            count += 1
            entry: dict[str, Any] = {"side": self._side, "key": f"{self._name}:{count}", "began": time.time()}
            answer: dict[str, Any]
            try:
                answer = {"accepted": True, "at": self._write(host, entry["key"])}
            except Exception as error:
                answer = {"accepted": False, "why": sqlstate(error) or type(error).__name__}
            journal.record(**entry, ended=time.time(), **answer)
            stop.wait(PAUSE_SECONDS if answer["accepted"] else REFUSED_PAUSE_SECONDS)

    def _write(self, host: str, key: str) -> float:
        found = self._resolver.resolve(host, fresh=True)
        connection = self._dialler(found.address, self._port, found.host)
        try:
            connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(PROBE, (key, self._side, key))
            return float(cursor.fetchone()[0])
        finally:
            connection.close()


@contextmanager
def stubborn_clients(it: Story) -> Iterator[None]:
    """Clients of both sides, as long as the block."""
    hosts: dict[str, Callable[[], str | None]] = {"source": lambda: it.shop.host, "target": it.shop.target_host}
    stop, journal = threading.Event(), Journal(it.directory / JOURNAL)
    clients = [StubbornClient(it, side, each, hosts[side]) for side in hosts for each in range(CLIENTS_A_SIDE)]
    threads = start_threads([partial(client.work, journal) for client in clients], stop)
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(30)


def forward(it: Story) -> None:
    """From the approval to the end."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    with stubborn_clients(it):
        it.operate("approve")
        it.until_end()


def and_back(it: Story) -> None:
    """Through the switch back too."""
    it.start(approval="manual", **WEEK)
    it.until_mail("Approve:")
    with stubborn_clients(it):
        it.operate("approve")
        roll_back(it)
        it.until_end()


SCENARIOS = [
    Scenario("fail_reconnects", forward, ends=("Complete",)),
    Scenario("fail_reconnects_on_the_way_back", and_back, ends=("MigrationRolledBack",)),
]
