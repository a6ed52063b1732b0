"""Sessions a monitor keeps open, opened anew when a server was away or the host name moved to another one."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from pg8000.exceptions import Error
from pg8000.native import Connection

from rehearsal.account.dms.access import Unreachable
from rehearsal.account.dms.database import Database, TaskFailed, hang_up

_log = logging.getLogger(__name__)


@dataclass
class KeptSession:
    """One session of `database`, opened by `open` when it is needed."""

    database: Database
    open: Callable[[], Connection]
    _address: str = ""
    _session: Connection | None = None

    def attempt(self, step: Callable[[Connection], None]) -> None:
        """Run a step. A database that is away for a moment (a failover) costs the step, not the task."""
        try:
            step(self._current())
        except (Error, OSError, TaskFailed, Unreachable) as error:
            _log.debug("dms monitor: %s", error)
            self.close()

    def close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            hang_up(session)

    def _current(self) -> Connection:
        address = self.database.login().address
        if address != self._address:
            self.close()
        if self._session is None:
            self._session, self._address = self.open(), address
        return self._session
