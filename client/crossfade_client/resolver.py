"""Names to addresses, the way a database alias needs it: short memory, weights obeyed, aliases followed.

`socket.getaddrinfo` tells neither the TTL nor the name at the end of an alias. Both matter here: the TTL says how long
an answer may be believed (AWS advises client caches of at most 5 seconds, AWS_RULES R6.2), and the last name is the one
in the server's certificate, because a CNAME breaks the host name check of TLS.
"""

import ipaddress
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from dnslib import QTYPE, RCODE, RR, DNSError, DNSRecord

MAX_ALIASES = 8
QUERY_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True)
class Endpoint:
    """A database endpoint by name: `Endpoint("orders-writer.db.example.internal", 5432)`."""

    host: str
    port: int


@dataclass(frozen=True)
class Answer:
    """What a name stands for. `host` is the name at the end of the aliases: verify a certificate against it."""

    address: str
    host: str
    ttl_seconds: float


class NameNotResolved(OSError):
    """No name server gave an address. It may be temporary, so it is an OSError like a refused connection."""


class Resolver:
    """Resolves host names to IPv4 addresses and keeps each answer no longer than its TTL.

    `servers` are (address, port) pairs, by default those of /etc/resolv.conf. An answer is kept for its TTL, at most
    `max_ttl_seconds`. When no server answers, the last answer is used: a dead name server must not stop an application.
    """

    def __init__(
        self,
        servers: Sequence[tuple[str, int]] | None = None,
        *,
        max_ttl_seconds: float = 5.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.max_ttl_seconds = max_ttl_seconds
        self._servers = list(servers) if servers else _system_servers()
        self._clock = clock
        self._answers: dict[str, tuple[Answer, float]] = {}
        self._lock = threading.Lock()

    def resolve(self, name: str, *, fresh: bool = False) -> Answer:
        """The answer for `name`; `fresh` asks the servers even if an answer is remembered. Raises NameNotResolved."""
        if _is_address(name):
            return Answer(name, name, self.max_ttl_seconds)
        known, expires = self._remembered(name)
        if known and not fresh and self._clock() < expires:
            return known
        try:
            answer = self._follow(name)
        except NameNotResolved:
            if known:
                return known
            raise
        with self._lock:
            self._answers[name] = (answer, self._clock() + answer.ttl_seconds)
        return answer

    def _remembered(self, name: str) -> tuple[Answer | None, float]:
        with self._lock:
            return self._answers.get(name, (None, 0.0))

    def _follow(self, name: str) -> Answer:
        host, ttl_seconds = name, self.max_ttl_seconds
        for _ in range(MAX_ALIASES):
            address, end, ttl = _walk(self._ask(host), host)
            ttl_seconds = min(ttl_seconds, ttl)
            if address:
                return Answer(address, end, ttl_seconds)
            if end == host:
                break
            host = end
        raise NameNotResolved(f"{name} has no IPv4 address (aliases lead to {host})")

    def _ask(self, name: str) -> list[RR]:
        failures: list[str] = []
        for server, port in self._servers:
            try:
                return _query(name, server, port)
            except (OSError, DNSError) as error:
                failures.append(f"{server}:{port} {error or type(error).__name__}")
        raise NameNotResolved(f"{name} could not be resolved: {'; '.join(failures)}")


def _query(name: str, server: str, port: int) -> list[RR]:
    question = DNSRecord.question(name, "A")
    reply = DNSRecord.parse(question.send(server, port, timeout=QUERY_TIMEOUT_SECONDS))
    if reply.header.tc:
        reply = DNSRecord.parse(question.send(server, port, tcp=True, timeout=QUERY_TIMEOUT_SECONDS))
    if reply.header.id != question.header.id:
        raise NameNotResolved("the reply belongs to another question")
    if reply.header.rcode != RCODE.NOERROR:
        raise NameNotResolved(str(RCODE.get(reply.header.rcode)))
    return list(reply.rr)


def _walk(records: Iterable[RR], name: str) -> tuple[str | None, str, float]:
    """Follows aliases inside one reply: (address if the reply has it, name at the end, smallest TTL on the way)."""
    by_name = {_text(record.rname): record for record in reversed(list(records))}
    ttl = float("inf")
    for _ in range(MAX_ALIASES):
        record = by_name.get(name.lower())
        if record is None:
            return None, name, ttl
        ttl = min(ttl, float(record.ttl))
        if record.rtype == QTYPE.A:
            return str(record.rdata), name, ttl
        name = _text(record.rdata.label)
    return None, name, ttl


def _text(label: object) -> str:
    return str(label).rstrip(".").lower()


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _system_servers(path: Path = Path("/etc/resolv.conf")) -> list[tuple[str, int]]:
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [line.split()[1] for line in lines if line.startswith("nameserver") and len(line.split()) > 1]
    return [(address, 53) for address in found] or [("127.0.0.1", 53)]
