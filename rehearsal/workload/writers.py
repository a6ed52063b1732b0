"""The process of the shop's writers: `python -m rehearsal.workload.writers SETTINGS`, ended by SIGTERM.

Each request is recorded before it is made (intent) and after its end (ack or failed); its key is `w<writer>:<number>`.
"""

import sys
import threading
import time
from functools import partial
from pathlib import Path

from crossfade_client import Connection, ConnectionManager
from rehearsal.workload.application import Dialler, manager
from rehearsal.workload.journal import Figures, Journal
from rehearsal.workload.pace import Work, run_process, ticks
from rehearsal.workload.schema import Size
from rehearsal.workload.settings import WorkloadSettings, load
from rehearsal.workload.transactions import Chance, Effect, Shopper, Transaction

JOURNAL, FIGURES = "writes.jsonl", "writes.json"
SLOW_SHARE, SLOW_SECONDS = 0.01, 0.03  # some transactions are open for a while, so that a fence finds them so


class Writer:
    """One thread of the shop: decides a transaction, records it, runs it through the client, records the end."""

    def __init__(
        self,
        number: int,
        size: Size,
        connections: ConnectionManager,
        dialler: Dialler,
        journal: Journal,
        figures: Figures,
    ) -> None:
        self._shopper = Shopper(Chance.of(number, size))
        self._name = f"w{number}"
        self._connections, self._dialler = connections, dialler
        self._journal, self._figures = journal, figures
        self._server = ""

    def run(self, per_second: float, deadline_seconds: float, stop: threading.Event) -> None:
        """Writes until told to stop."""
        for number in ticks(per_second, stop):
            self._request(self._shopper.choose(), f"{self._name}:{number}", deadline_seconds)

    def _request(self, transaction: Transaction, key: str, deadline_seconds: float) -> None:
        began = time.time()
        self._journal.record(t="intent", key=key, at=began, kind=transaction.kind)

        def work(connection: Connection) -> list[Effect]:
            self._server = self._dialler.address(connection)
            effects = transaction.run(connection, key)
            if transaction.seed % 1000 < 1000 * SLOW_SHARE:
                time.sleep(SLOW_SECONDS)
            return effects

        try:
            effects = self._connections.transaction(work, key, deadline_seconds)
        except Exception as error:
            self._figures.failed(error)
            self._journal.record(t="failed", key=key, at=time.time(), ms=_ms_since(began), error=repr(error)[:500])
            return
        self._journal.record(
            t="ack", key=key, at=time.time(), ms=_ms_since(began), server=self._server, effects=effects
        )
        self._figures.done(self._server)
        self._shopper.remember(transaction, effects)


def _ms_since(began: float) -> float:
    return round((time.time() - began) * 1000, 2)


def works(settings: WorkloadSettings, figures: Figures) -> list[Work]:
    """What each writer does until told to stop; they share a connection manager, as one process of the shop."""
    journal, dialler = Journal(Path(settings.directory) / JOURNAL), Dialler(settings)
    connections = manager(settings, dialler, figures.retried)
    rate = settings.writes_per_second / settings.writers
    writers = [
        Writer(number, settings.size, connections, dialler, journal, figures) for number in range(settings.writers)
    ]
    return [partial(each.run, rate, settings.deadline_seconds) for each in writers]


if __name__ == "__main__":
    run_process(works, load(Path(sys.argv[1])), FIGURES)
