"""A small shop's load in threads of this process, and the watcher's probes of both sides beside it."""

import os
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from crossfade_client import Resolver
from rehearsal import execution, ground
from rehearsal.shop import Shop
from rehearsal.watcher import JOURNAL, Side
from rehearsal.workload import readers, schema, writers
from rehearsal.workload.application import Dialler
from rehearsal.workload.journal import Figures, Journal
from rehearsal.workload.pace import Work, start_threads
from rehearsal.workload.schema import APPLICATION_ROLE
from rehearsal.workload.settings import WorkloadSettings

ANSWER_WITHIN_SECONDS = 20.0
FINAL_PROBES = 3  # a side that refuses three probes in a row is closed, not merely out of breath


class LoadFailed(RuntimeError):
    """The shop's load had no answer; the message holds the last error."""


@dataclass
class LightLoad:
    """Two writers, one reader and a prober of each side."""

    shop: Shop
    directory: Path
    _stop: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.settings = _settings(self.shop, self.directory)
        self.writes = Figures(self.directory / writers.FIGURES)
        self.reads = Figures(self.directory / readers.FIGURES)
        self.sides = {
            "source": self._side("source", lambda: self.shop.host),
            "target": self._side("target", _kept(self.shop)),
        }

    def start(self) -> None:
        """Everything under way, and the first write acknowledged. Raises LoadFailed."""
        os.environ.update(execution.operator_environment(self.shop.ground.account))  # boto3 of the client package
        probes = Journal(self.directory / JOURNAL)
        watches: list[Work] = [partial(side.watch, probes) for side in self.sides.values()]
        works = [*writers.works(self.settings, self.writes), *readers.works(self.settings, self.reads), *watches]
        self._threads = start_threads(works, self._stop)
        deadline = time.monotonic() + ANSWER_WITHIN_SECONDS
        while not (self.writes.count and self.reads.count):
            if time.monotonic() > deadline:
                raise LoadFailed(f"the shop had no answer within {ANSWER_WITHIN_SECONDS:g} s: {self.writes.last_error}")
            time.sleep(0.02)

    def stop(self) -> None:
        """Ends the load; requests under way get their answer or pass their deadline first."""
        self._stop.set()
        for thread in self._threads:
            thread.join(self.settings.deadline_seconds + 10)
        self._threads = []

    def accepting(self) -> frozenset[str]:
        """The sides that take an application's write now, with the load stopped; the probes go into the journal."""
        journal = Journal(self.directory / JOURNAL)
        return frozenset(name for name, side in self.sides.items() if _accepts(side, journal))

    def _side(self, name: str, host: Callable[[], str | None]) -> Side:
        address, _, port = self.settings.name_server.rpartition(":")
        return Side(name, host, Dialler(self.settings), Resolver([(address, int(port))]), self.settings.port)


def _accepts(side: Side, journal: Journal) -> bool:
    for _ in range(FINAL_PROBES):
        host = side.host()
        if host is None:
            return False
        entry = side.probe(host)
        journal.record(**entry)
        if entry["accepted"]:
            return True
        time.sleep(0.05)
    return False


def _kept(shop: Shop) -> Callable[[], str | None]:
    """The target's host once there is one; it is not asked for again, for the account has better things to do."""
    found: list[str] = []

    def host() -> str | None:
        if not found and (target := shop.target_host()):
            found.append(target)
        return found[0] if found else None

    return host


def _settings(shop: Shop, directory: Path) -> WorkloadSettings:
    store, around = shop.store, shop.ground
    return WorkloadSettings(
        directory=str(directory),
        writer_host=store.writer_name,
        reader_host=store.reader_name,
        port=shop.port,
        user=APPLICATION_ROLE,
        password=store.application_password,
        database=ground.DATABASE,
        name_server=around.name_server,
        ca_file=str(around.ca_file) if around.ca_file else None,
        published_writer=store.published_writer,
        writers=2,
        readers=1,
        writes_per_second=16.0,
        reads_per_second=4.0,
        max_connection_age_seconds=4.0,
        size=schema.SMALL,
    )
