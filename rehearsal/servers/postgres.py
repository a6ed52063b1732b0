"""Real PostgreSQL servers, one a data directory and loopback address.

A killed process loses nothing with `fsync = off`, because the operating system keeps what was written; only a crash of
the machine could, and a rehearsal does not survive that anyway. Everything else is as durable as PostgreSQL's defaults.
TLS is offered and not required, as with `rds.force_ssl=0`: the workload spends its processor time on writes.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pg8000.native

from rehearsal.servers.installation import SUPERUSER, Installation, ServerError, hang_up, running_pid

_START_SECONDS = 30.0
_STOP_SECONDS = 60.0
_BASE_SETTINGS: Mapping[str, str] = {
    "unix_socket_directories": "",
    "fsync": "off",
    "shared_buffers": "64MB",
    "max_connections": "100",
    "max_wal_senders": "20",
    "max_replication_slots": "20",
    "max_worker_processes": "16",
    "max_logical_replication_workers": "8",
    "max_sync_workers_per_subscription": "4",
    "wal_receiver_status_interval": "1s",
    "wal_retrieve_retry_interval": "200ms",
    "wal_level": "replica",
    "wal_keep_size": "512MB",
    "max_wal_size": "2GB",
    "password_encryption": "scram-sha-256",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    "logging_collector": "off",
    "ssl": "on",
}
_ACCESS = """\
# Only the emulator is {superuser}; everyone comes by address and password, as in RDS.
host all all 127.0.0.0/8 scram-sha-256
host replication all 127.0.0.0/8 scram-sha-256
"""


@dataclass
class Server:
    """One PostgreSQL server. `settings` are postgresql.conf values that go over the emulator's own."""

    installation: Installation
    data: Path
    address: str
    settings: dict[str, str] = field(default_factory=dict)
    follows: str | None = None
    """The address of the server this one is a hot standby of; None: it takes writes."""

    @property
    def log(self) -> Path:
        """What the server printed, beside its data directory."""
        return self.data.with_suffix(".log")

    @property
    def running(self) -> bool:
        """Whether its postmaster lives."""
        return running_pid(self.data) is not None

    def initialise(self) -> None:
        """Make a new empty database cluster (about 0.4 s)."""
        data = self.installation.make_directory(self.data)
        word = self.installation.state / f"{data.name}.initdb-password"
        word.write_text(self.installation.password)
        self.installation.own(word, 0o600)
        try:
            access = ("--auth=scram-sha-256", f"--pwfile={word}", f"--username={SUPERUSER}")
            self.installation.run("initdb", "-D", data, *access, "--encoding=UTF8", "--locale=C.UTF-8", "--no-sync")
        finally:
            word.unlink()

    def start(self) -> None:
        """Start and wait until it accepts connections. Raises ServerError with the end of its log when it does not."""
        if self.running:
            return
        self.write_configuration()
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # a killed server's would say that it is ready
        process = self.installation.launch(self.data, self.log)
        self._await_ready(process)

    def stop(self, *, crash: bool = False) -> None:
        """Shut down: sessions are ended, everything is flushed to the standbys; `crash`: at once, without either."""
        pid = running_pid(self.data)
        if pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGQUIT if crash else signal.SIGINT)
        deadline = time.monotonic() + _STOP_SECONDS
        while self.running:
            if time.monotonic() > deadline:
                raise ServerError(f"the server at {self.address} did not stop; see {self.log}")
            time.sleep(0.01)

    def kill(self) -> None:
        """End every process of the server at once, as a failing host does: nobody flushes, nobody says goodbye."""
        pid = running_pid(self.data)
        if pid is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGSTOP)  # it must not start another one while its children are looked for
            for process in (*_children(pid), pid):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)

    def reload(self) -> None:
        """Take over changed settings that need no restart."""
        self.write_configuration()
        pid = running_pid(self.data)
        if pid is not None:
            os.kill(pid, signal.SIGHUP)

    def connect(self, database: str = "postgres") -> pg8000.native.Connection:
        """A superuser session on this server, for the caller to close."""
        return self.installation.connect(self.address, database)

    @contextlib.contextmanager
    def session(self, database: str = "postgres") -> Iterator[pg8000.native.Connection]:
        """A superuser session on this server."""
        session = self.connect(database)
        try:
            yield session
        finally:
            hang_up(session)

    def run(self, sql: str, database: str = "postgres") -> list[list[object]]:
        """Run one SQL statement as superuser in its own session; its rows."""
        with self.session(database) as session:
            return list(session.run(sql) or [])

    def write_configuration(self) -> None:
        """Write settings, access rules, certificate and standby mark into the data directory."""
        values = {**_BASE_SETTINGS, **self.settings, "listen_addresses": self.address}
        values["port"] = str(self.installation.port)
        if self.follows is not None:
            values["primary_conninfo"] = self._conninfo(self.follows)
            self._write("standby.signal", "", 0o600)
        else:
            (self.data / "standby.signal").unlink(missing_ok=True)
        # postgresql.auto.conf would win over what stands here, and a copied one names the copied server.
        self._write("postgresql.auto.conf", "", 0o600)
        self._write("postgresql.conf", "".join(f"{name} = {_quoted(value)}\n" for name, value in values.items()), 0o600)
        shown = self.installation.certificates
        self._write("server.crt", shown.certificate.read_text(), 0o600)
        self._write("server.key", shown.key.read_text(), 0o600)
        self._write("pg_hba.conf", _ACCESS.format(superuser=SUPERUSER), 0o600)

    def _conninfo(self, address: str) -> str:
        login = f"user={SUPERUSER} password={self.installation.password}"
        return f"host={address} port={self.installation.port} {login} sslmode=disable application_name={self.data.name}"

    def _write(self, name: str, text: str, mode: int) -> None:
        path = self.data / name
        path.unlink(missing_ok=True)
        path.touch(mode=mode)
        path.write_text(text)
        self.installation.own(path, mode)

    def _await_ready(self, process: subprocess.Popen[bytes]) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline:
            if process.poll() is not None:
                break
            if self._accepts():
                return
            time.sleep(0.01)
        raise ServerError(f"the server at {self.address} did not start: {self._last_words()}")

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError):
            lines = (self.data / "postmaster.pid").read_text().split("\n")
            return len(lines) > 7 and lines[7].strip() == "ready"
        return False

    def _last_words(self) -> str:
        return self.log.read_text(errors="replace")[-1500:] if self.log.exists() else "it printed nothing"


def _children(parent: int) -> list[int]:
    """The pids whose parent is `parent`: its backends have process groups of their own."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            if int(fields[1]) == parent:
                found.append(int(stat.parent.name))
    return found


def base_backup(installation: Installation, address: str, target: Path) -> None:
    """Copy the live server at `address` into `target`, consistent as of now, publications included."""
    installation.make_directory(target)
    source = ("-h", address, "-p", str(installation.port), "-U", SUPERUSER)
    installation.run("pg_basebackup", "-D", target, *source, "-c", "fast", "-X", "stream", "--no-sync", "--no-manifest")


def copy_data(installation: Installation, source: Path, target: Path) -> None:
    """Copy the data directory of a server that does not run; shares blocks where the file system can."""
    installation.make_directory(target)
    done = subprocess.run(
        ["cp", "-a", "--reflink=auto", f"{source}/.", str(target)], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise ServerError(f"cannot copy {source}: {done.stderr.strip()}")


def _quoted(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
