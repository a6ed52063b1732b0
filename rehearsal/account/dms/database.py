"""One side of a task: its endpoint's own login, and the emulator's superuser for what DMS does by other means."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Iterator
from typing import Any

from pg8000.exceptions import Error
from pg8000.native import Connection

from rehearsal.account.dms import access
from rehearsal.account.dms.ports import AdminConnect, Platform


class TaskFailed(Exception):
    """The task cannot go on; the message goes into LastFailureMessage."""


class Database:
    """The database behind an endpoint, found anew by its host name at every connection: a failover moves it."""

    def __init__(self, platform: Platform, admin: AdminConnect, endpoint: dict[str, Any]) -> None:
        self._platform, self._admin, self.endpoint = platform, admin, endpoint
        self._login: access.Login | None = None

    @property
    def settings(self) -> dict[str, Any]:
        """The endpoint's PostgreSQLSettings."""
        return dict(self.endpoint.get("PostgreSQLSettings", {}))

    def read_secret(self) -> None:
        """Take the credentials from the endpoint's secret, as a task does at its start. Raises TaskFailed."""
        try:
            self._login = access.login(self._platform, self.endpoint)
        except access.Unreachable as error:
            raise TaskFailed(str(error)) from error

    def login(self) -> access.Login:
        """The credentials with the address that the host name has now."""
        if self._login is None:
            self.read_secret()
        assert self._login is not None
        address = self._platform.host_address(self._login.host) or self._login.address
        return dataclasses.replace(self._login, address=address)

    @contextlib.contextmanager
    def user(self, *, replication: bool = False) -> Iterator[Connection]:
        """A session with the endpoint's credentials. Raises TaskFailed when it is refused."""
        try:
            session = self.login().open(replication=replication)
        except access.Unreachable as error:
            raise TaskFailed(str(error)) from error
        with closing(session):
            yield session

    @contextlib.contextmanager
    def admin(self, timeout_seconds: float = 60.0) -> Iterator[Connection]:
        """A superuser session. Raises pg8000's errors or OSError when the server is away."""
        with closing(self.open_admin(timeout_seconds)) as session:
            yield session

    def open_admin(self, timeout_seconds: float = 60.0) -> Connection:
        """A superuser session, also able to write where new sessions are made read-only (a fence)."""
        login = self.login()
        session = self._admin(login.address, login.database, timeout_seconds=timeout_seconds)
        session.run("SET default_transaction_read_only = off")
        return session


@contextlib.contextmanager
def closing(session: Connection) -> Iterator[Connection]:
    """Close the session at the end, also one whose server is gone."""
    try:
        yield session
    finally:
        hang_up(session)


def hang_up(session: Connection) -> None:
    """Close a session whatever state it is in. pg8000 leaves the socket open when its server is gone."""
    stream = session._sock
    with contextlib.suppress(Error, OSError):
        session.close()
    with contextlib.suppress(OSError, AttributeError):
        stream.close()
