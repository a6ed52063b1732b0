"""How the shop's processes reach their database: the client package, a driver, and nothing else."""

import socket
import ssl
import threading
from collections.abc import Callable
from weakref import WeakKeyDictionary

import pg8000.native

from crossfade_client import Connection, ConnectionManager, Endpoint, Resolver, SsmPublishedWriter
from rehearsal.workload.driver import PreparedConnection
from rehearsal.workload.schema import IDEMPOTENCY_TABLE
from rehearsal.workload.settings import WorkloadSettings

CONNECT_TIMEOUT_SECONDS = 2.0
ANSWER_TIMEOUT_SECONDS = 10.0


class Dialler:
    """The `connect` function of the connection manager; remembers to which address each connection goes."""

    def __init__(self, settings: WorkloadSettings) -> None:
        self._settings = settings
        # Made once: loading the system's certificates takes 24 ms, and pg8000 does it for every connection given None.
        self._tls = ssl.create_default_context(cafile=settings.ca_file) if settings.ca_file else False
        self._addresses: WeakKeyDictionary[Connection, str] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def __call__(self, address: str, port: int, server_name: str) -> PreparedConnection:
        """Dials the address; the certificate must be that of `server_name`."""
        dialled = socket.create_connection((address, port), timeout=CONNECT_TIMEOUT_SECONDS)
        dialled.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        dialled.settimeout(ANSWER_TIMEOUT_SECONDS)  # before TLS takes the socket over
        try:
            driver = pg8000.native.Connection(
                self._settings.user,
                password=self._settings.password,
                database=self._settings.database,
                host=server_name,
                sock=dialled,
                ssl_context=self._tls,
                application_name="shop",
            )
        except BaseException:
            dialled.close()
            raise
        connection = PreparedConnection(driver)
        with self._lock:
            self._addresses[connection] = address
        return connection

    def address(self, connection: Connection) -> str:
        """The address the connection was dialled to."""
        with self._lock:
            return self._addresses[connection]


def manager(
    settings: WorkloadSettings, dialler: Dialler, on_retry: Callable[[Exception, int], object]
) -> ConnectionManager:
    """The connection manager of one process of the shop."""
    address, _, port = settings.name_server.rpartition(":")
    published = SsmPublishedWriter(settings.published_writer) if settings.published_writer else None
    return ConnectionManager(
        Endpoint(settings.writer_host, settings.port),
        Endpoint(settings.reader_host, settings.port),
        dialler,
        Resolver([(address, int(port))], max_ttl_seconds=settings.max_ttl_seconds),
        published,
        idempotency_table=IDEMPOTENCY_TABLE,
        max_connection_age_seconds=settings.max_connection_age_seconds,
        on_retry=on_retry,
    )
