"""The client loses nothing in a real cut-over under load, and the verdict sees every loss that is planted after it."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rehearsal import evidence, verdict
from rehearsal.workload.load import ROOT, Workload
from rehearsal.workload.settings import WorkloadSettings
from tests.integration.two_servers import PASSWORD, READER_NAME, SOURCE_HOST, TARGET_HOST, WRITER_NAME, TwoServers


@pytest.fixture(scope="module")
def servers() -> Iterator[TwoServers]:
    both = TwoServers()
    try:
        both.build()
        yield both
    finally:
        both.close()


def workload(servers: TwoServers, directory: Path) -> Workload:
    settings = WorkloadSettings(
        directory=str(directory),
        writer_host=WRITER_NAME,
        reader_host=READER_NAME,
        port=servers.installation.port,
        user="orders_app",
        password=PASSWORD,
        database="orders",
        name_server=f"127.0.0.1:{servers.name_server.port}",
        ca_file=str(servers.installation.certificates.authority),
    )
    return Workload(settings, dict(os.environ))


def watch(load: Workload) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "rehearsal.watcher", str(load.settings.save())]
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
    hosts = ["--source", SOURCE_HOST, "--target", TARGET_HOST]
    return subprocess.Popen([*command, *hosts], cwd=ROOT, env=environment)


@pytest.fixture(scope="module")
def run(servers: TwoServers, tmp_path_factory: pytest.TempPathFactory) -> evidence.Seen:
    """Three seconds of load, a cut-over, three more seconds."""
    directory = tmp_path_factory.mktemp("run")
    load = workload(servers, directory)
    watcher = watch(load)
    try:
        load.start()
        time.sleep(3)
        servers.cut_over()
        time.sleep(3)
        load.check()
    finally:
        load.stop()
        watcher.terminate()
        watcher.wait(10)
    return evidence.seen(directory)


def collected(servers: TwoServers, run: evidence.Seen) -> verdict.Data:
    with servers.admin() as (target, source):
        return evidence.data(target, source, run)


def test_nothing_is_lost_duplicated_or_diverged(servers: TwoServers, run: evidence.Seen) -> None:
    data = collected(servers, run)
    assert (verdict.lost(data), verdict.duplicated(data), verdict.diverged(data)) == ([], [], [])
    assert not [each for each in run.write_requests + run.read_requests if each.failed]


def test_both_servers_acknowledged_writes(servers: TwoServers, run: evidence.Seen) -> None:
    by_server = {each.server for each in run.writes}
    assert by_server == {servers.source.address, servers.target.address}
    assert len(run.writes) > 1000


def test_never_two_writers_and_both_were_watched(run: evidence.Seen) -> None:
    assert verdict.two_writers_ms(run.probes) == 0
    assert {each.side for each in run.probes if each.accepted} == {"source", "target"}
    assert verdict.closed_since(run.probes) is not None


def test_the_stall_is_short(run: evidence.Seen) -> None:
    longest = verdict.longest_per_caller(run.write_requests)
    assert max(longest.values()) < 1000


LOSE_AN_UPDATE = (
    "update orders.stock set writes = writes - 1"
    " where product_id = (select min(product_id) from orders.stock where writes > 0)"
)
PLANTED: dict[str, tuple[str, Callable[[verdict.Data], list[verdict.Finding]]]] = {
    "a key vanishes": ("delete from orders.idempotency_key where key = '{key}'", verdict.lost),
    "a row vanishes": ("delete from orders.purchase_line where last_write = '{key}'", verdict.lost),
    "an update vanishes": (LOSE_AN_UPDATE, verdict.lost),
    "an update comes twice": (
        "update orders.stock set writes = writes + 1 where product_id = (select min(product_id) from orders.stock)",
        verdict.duplicated,
    ),
    "an insert comes twice": (
        "insert into orders.event (kind, detail, last_write) values ('again', '{{}}', '{key}')",
        verdict.duplicated,
    ),
    "a seeded value differs": ("update orders.country set name = 'Belgia' where code = 'BE'", verdict.diverged),
    "a value of the source's last state differs": (
        "update orders.purchase_line set quantity = quantity + 1 where last_write = '{key}'",
        verdict.diverged,
    ),
    "a seeded row vanishes": ("delete from orders.event where id = 5", verdict.diverged),
    "a row comes from nowhere": (
        "insert into orders.event (kind, detail, last_write) values ('other', '{{}}', 'nobody:1')",
        verdict.diverged,
    ),
}


@pytest.mark.parametrize("defect", PLANTED)
def test_a_planted_defect_is_found(servers: TwoServers, run: evidence.Seen, defect: str) -> None:
    statement, promise = PLANTED[defect]
    before_fence = next(
        each for each in run.writes if each.server == servers.source.address and each.effects[0][0] == "purchase"
        and each.effects[0][2] == "insert" and not _cancelled(run, each)
    )  # fmt: skip
    with servers.admin() as (target, source):
        target.run("begin")
        target.run("set session_replication_role = replica")
        target.run(statement.format(key=before_fence.key))
        found = promise(evidence.data(target, source, run))
        target.run("rollback")
    assert found, defect


def _cancelled(run: evidence.Seen, write: verdict.Write) -> bool:
    deleted = {effect[:2] for each in run.writes for effect in each.effects if effect[2] == "delete"}
    return any(effect[:2] in deleted for effect in write.effects)
