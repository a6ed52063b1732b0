"""Asks both databases, all through a run, whether they take an application's write: `python -m rehearsal.watcher …`.

A probe is a real, committed insert of the application's role into an ordinary table. Each is recorded with the server's
own clock at the insert; all servers share the machine's clock, so points of both sides can be laid on one line.
"""

import argparse
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError

from crossfade_client import Resolver, sqlstate
from rehearsal.workload.application import Dialler
from rehearsal.workload.driver import PreparedConnection
from rehearsal.workload.journal import Journal
from rehearsal.workload.pace import stop_event
from rehearsal.workload.settings import WorkloadSettings, load

JOURNAL = "watch.jsonl"
PERIOD_SECONDS = 0.04
# A side that has refused logins for a while is asked less often: each refusal costs a TLS and a password handshake.
PATIENCE_SECONDS, PATIENT_PERIOD_SECONDS = 1.0, 0.2
SEARCH_PERIOD_SECONDS = 0.3
# A refused session may be refused for itself (a default taken over at login): only a new one tells about the server.
SESSION_SECONDS = 0.25
PROBE = (
    "insert into orders.watch (key, side, last_write) values (%s, %s, %s)"
    " returning extract(epoch from clock_timestamp())::float8"
)


class Side:
    """One database: `host()` gives its writer endpoint's name, or None while there is none."""

    def __init__(
        self, name: str, host: Callable[[], str | None], dialler: Dialler, resolver: Resolver, port: int
    ) -> None:
        self.name = name
        self.host, self._dialler, self._resolver, self._port = host, dialler, resolver, port
        self._connection: PreparedConnection | None = None
        self._connected_at = 0.0
        self._refused_since: float | None = None
        self._number = 0

    def watch(self, journal: Journal, stop: threading.Event) -> None:
        """Probes until told to stop."""
        while not stop.is_set():
            host = self.host()
            if host is None:
                stop.wait(SEARCH_PERIOD_SECONDS)
                continue
            journal.record(**self.probe(host))
            stop.wait(self._pause_seconds())

    def probe(self, host: str) -> dict[str, Any]:
        """One probe: {side, key, began, ended, accepted, at (server's clock) or why (SQLSTATE or error)}."""
        self._number += 1
        key, began = f"watch:{self.name}:{self._number}", time.time()
        answer: dict[str, Any]
        try:
            answer = {"accepted": True, "at": self._insert(host, key)}
            self._refused_since = None
        except Exception as error:
            answer = {"accepted": False, "why": sqlstate(error) or type(error).__name__}
            self._refused_since = self._refused_since or time.monotonic()
            self._forget_connection(error)
        return {"side": self.name, "key": key, "began": began, "ended": time.time(), **answer}

    def _insert(self, host: str, key: str) -> float:
        if self._connection is None:
            found = self._resolver.resolve(host, fresh=True)
            self._connection = self._dialler(found.address, self._port, found.host)
            self._connection.autocommit = True
            self._connected_at = time.monotonic()
        cursor = self._connection.cursor()
        cursor.execute(PROBE, (key, self.name, key))
        return float(cursor.fetchone()[0])

    def _forget_connection(self, error: Exception) -> None:
        if self._connection is None:
            return
        young = time.monotonic() - self._connected_at < SESSION_SECONDS
        if sqlstate(error) == "25006" and young:  # refused by the server, but the session still stands
            return
        try:
            self._connection.close()
        except Exception as broken:
            del broken
        self._connection = None

    def _pause_seconds(self) -> float:
        refused_for = time.monotonic() - self._refused_since if self._refused_since else 0.0
        return PATIENT_PERIOD_SECONDS if self._connection is None and refused_for > PATIENCE_SECONDS else PERIOD_SECONDS


def cluster_endpoint(rds: Any) -> Callable[[], str | None]:
    """Finds the writer endpoint of the account's first Aurora cluster, and keeps it once found."""
    found: list[str] = []

    def endpoint() -> str | None:
        if not found:
            try:
                found.extend(
                    each["Endpoint"] for each in rds.describe_db_clusters()["DBClusters"] if "Endpoint" in each
                )
            except (BotoCoreError, ClientError) as error:
                print(f"watcher: describe_db_clusters: {error}", flush=True)
        return found[0] if found else None

    return endpoint


def main(settings: WorkloadSettings, source_host: str, target_host: str | None) -> None:
    """Watches until SIGTERM. Without `target_host` the target is looked for in the account."""
    stop = stop_event()
    journal = Journal(Path(settings.directory) / JOURNAL)
    threads = [
        threading.Thread(target=side.watch, args=(journal, stop)) for side in _sides(settings, source_host, target_host)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _sides(settings: WorkloadSettings, source_host: str, target_host: str | None) -> Iterator[Side]:
    address, _, port = settings.name_server.rpartition(":")
    target = (lambda: target_host) if target_host else cluster_endpoint(boto3.client("rds"))
    for name, host in (("source", lambda: source_host), ("target", target)):
        yield Side(name, host, Dialler(settings), Resolver([(address, int(port))]), settings.port)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Watches whether the databases take an application's write.")
    parser.add_argument("settings", type=Path)
    parser.add_argument("--source", required=True)
    parser.add_argument("--target")
    arguments = parser.parse_args()
    main(load(arguments.settings), arguments.source, arguments.target)
