"""The process of the shop's readers: `python -m rehearsal.workload.readers SETTINGS`, ended by SIGTERM.

They read through the reader endpoint, each read recorded with its time, so that an interruption of reads can be seen.
"""

import sys
import threading
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from crossfade_client import Connection, ConnectionManager
from rehearsal.workload.application import Dialler, manager
from rehearsal.workload.journal import Figures, Journal
from rehearsal.workload.pace import Work, run_process, ticks
from rehearsal.workload.schema import Size
from rehearsal.workload.settings import WorkloadSettings, load
from rehearsal.workload.transactions import Chance

JOURNAL, FIGURES = "reads.jsonl", "reads.json"
PURCHASES_OF_A_CUSTOMER = (
    "select p.id, p.status::text, l.amount from orders.purchase p"
    " join orders.purchase_line l on l.purchase_id = p.id where p.customer_id = %s"
)
PRODUCT_IN_STOCK = (
    "select s.available, p.name, length(p.description) from orders.stock s"
    " join orders.product p on p.id = s.product_id where s.product_id = %s"
)
CUSTOMER = "select preferences, tags from orders.customer where id = %s"
QUERIES: list[tuple[str, Callable[[Chance], int]]] = [  # each with what it asks for
    (PURCHASES_OF_A_CUSTOMER, Chance.customer),
    (PRODUCT_IN_STOCK, Chance.product),
    (CUSTOMER, Chance.customer),
]


class Reader:
    """One thread of the shop that only looks."""

    def __init__(
        self,
        number: int,
        size: Size,
        connections: ConnectionManager,
        dialler: Dialler,
        journal: Journal,
        figures: Figures,
    ) -> None:
        self._name = f"r{number}"
        self._chance = Chance.of(number, size)
        self._connections, self._dialler = connections, dialler
        self._journal, self._figures = journal, figures
        self._server = ""

    def run(self, per_second: float, deadline_seconds: float, stop: threading.Event) -> None:
        """Reads until told to stop."""
        for _ in ticks(per_second, stop):
            self._request(deadline_seconds)

    def _request(self, deadline_seconds: float) -> None:
        query, subject = self._chance.choice(QUERIES)
        value, began = subject(self._chance), time.time()

        def work(connection: Connection) -> list[Any]:
            self._server = self._dialler.address(connection)
            cursor = connection.cursor()
            cursor.execute(query, (value,))
            return list(cursor.fetchall())

        error = ""
        try:
            self._connections.read(work, deadline_seconds)
            self._figures.done(self._server)
        except Exception as raised:
            error = repr(raised)[:500]
            self._figures.failed(raised)
        self._journal.record(reader=self._name, began=began, ended=time.time(), server=self._server, error=error)


def works(settings: WorkloadSettings, figures: Figures) -> list[Work]:
    """What each reader does until told to stop; they share a connection manager, as one process of the shop."""
    journal, dialler = Journal(Path(settings.directory) / JOURNAL), Dialler(settings)
    connections = manager(settings, dialler, figures.retried)
    rate = settings.reads_per_second / settings.readers
    readers = [
        Reader(number, settings.size, connections, dialler, journal, figures) for number in range(settings.readers)
    ]
    return [partial(each.run, rate, settings.deadline_seconds) for each in readers]


if __name__ == "__main__":
    run_process(works, load(Path(sys.argv[1])), FIGURES)
