"""Real servers: start, stop, copy, stream, and nothing left behind."""

import os
import signal
import socket
import ssl
import subprocess
import time
from collections.abc import Iterator

import pytest

from rehearsal.servers.certificates import ENDPOINT_LABEL, REGION
from rehearsal.servers.installation import Installation, ServerError
from rehearsal.servers.postgres import Server, base_backup, copy_data


@pytest.fixture
def servers(database_installation: Installation) -> Iterator[list[Server]]:
    started: list[Server] = []
    yield started
    for server in started:
        server.stop(crash=True)


def _new(installation: Installation, servers: list[Server], name: str, address: str) -> Server:
    server = Server(installation, installation.servers / name, address)
    servers.append(server)
    return server


def _seeded(installation: Installation, servers: list[Server]) -> Server:
    server = _new(installation, servers, "source", "127.0.0.21")
    server.initialise()
    server.start()
    server.run("create table t (id int primary key)")
    server.run("insert into t select generate_series(1, 1000)")
    return server


def _count(server: Server) -> object:
    return server.run("select count(*) from t")[0][0]


def test_a_server_starts_within_a_second_and_keeps_its_rows_over_a_crash(
    database_installation: Installation, servers: list[Server]
) -> None:
    server = _seeded(database_installation, servers)
    server.stop(crash=True)
    assert not server.running
    began = time.monotonic()
    server.start()
    assert time.monotonic() - began < 1.0
    assert _count(server) == 1000


def test_a_base_backup_is_a_copy_of_its_own(database_installation: Installation, servers: list[Server]) -> None:
    source = _seeded(database_installation, servers)
    snapshot = database_installation.snapshots / "one"
    base_backup(database_installation, source.address, snapshot)
    source.run("insert into t values (2000)")
    copy = _new(database_installation, servers, "copy", "127.0.0.22")
    copy_data(database_installation, snapshot, copy.data)
    copy.start()
    copy.run("insert into t values (3000), (3001)")
    assert (_count(source), _count(copy)) == (1001, 1002)


def test_a_standby_follows_and_refuses_writes(database_installation: Installation, servers: list[Server]) -> None:
    source = _seeded(database_installation, servers)
    standby = _new(database_installation, servers, "standby", "127.0.0.22")
    base_backup(database_installation, source.address, standby.data)
    standby.follows = source.address
    standby.start()
    source.run("insert into t values (2000)")
    deadline = time.monotonic() + 5
    while _count(standby) != 1001:
        assert time.monotonic() < deadline
        time.sleep(0.02)
    with pytest.raises(Exception, match="read-only"):
        standby.run("insert into t values (2001)")


def test_leftovers_of_a_killed_account_are_ended(database_installation: Installation, servers: list[Server]) -> None:
    server = _seeded(database_installation, servers)
    assert database_installation.kill_leftovers() == 1
    assert not server.running
    assert database_installation.kill_leftovers() == 0


def test_a_stale_pid_file_harms_nobody(database_installation: Installation) -> None:
    other = subprocess.Popen(["sleep", "30"])
    data = database_installation.servers / "gone"
    data.mkdir()
    (data / "postmaster.pid").write_text(f"{other.pid}\n")
    assert database_installation.kill_leftovers() == 0
    assert other.poll() is None
    other.send_signal(signal.SIGKILL)
    other.wait()


def test_a_server_that_cannot_start_says_why(database_installation: Installation, servers: list[Server]) -> None:
    server = _new(database_installation, servers, "broken", "127.0.0.21")
    server.initialise()
    server.settings["shared_buffers"] = "lots"
    with pytest.raises(ServerError, match="shared_buffers"):
        server.start()


@pytest.mark.parametrize("name", ["orders-db", "orders.cluster", "orders.cluster-ro"])
def test_tls_verifies_every_endpoint_name(
    database_installation: Installation, servers: list[Server], name: str
) -> None:
    server = _seeded(database_installation, servers)
    joint = "-" if ".cluster" in name else "."
    host = f"{name}{joint}{ENDPOINT_LABEL}.{REGION}.rds.amazonaws.com"
    context = ssl.create_default_context(cafile=str(database_installation.certificates.authority))
    with socket.create_connection((server.address, database_installation.port)) as raw:
        raw.sendall(bytes.fromhex("0000000804d2162f"))  # SSLRequest
        assert raw.recv(1) == b"S"
        with context.wrap_socket(raw, server_hostname=host) as secured:
            assert secured.version() == "TLSv1.3"


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs the servers as itself")
def test_root_runs_servers_as_nobody(database_installation: Installation, servers: list[Server]) -> None:
    server = _seeded(database_installation, servers)
    assert (server.data / "postmaster.pid").stat().st_uid != 0
