"""The VPC's name server: Route 53 records of the account and the host names of RDS endpoints, over UDP.

Weights are drawn for every query, as Route 53 does (AWS_RULES R6: all zero means an equal split); the client's resolver
may remember an answer for the record's TTL. Names of RDS endpoints have a TTL of 5 seconds, as on AWS.
"""

import os
import random
import socket
import threading
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dnslib import CNAME, QTYPE, RCODE, RR, TXT, A, DNSRecord

RDS_TTL_SECONDS = 5
MAX_ALIASES = 8
Record = Mapping[str, Any]  # Name, Type, TTL, Values; for weighted ones also Weight and SetIdentifier
Records = Callable[[], Sequence[Record]]
HostAddress = Callable[[str], str | None]


def default_port() -> int:
    """The port of the name server: CROSSFADE_DNS_PORT, else 15353."""
    return int(os.environ.get("CROSSFADE_DNS_PORT", "15353"))


class NameServer:
    """A running name server; `close()` ends it."""

    def __init__(self, address: str, port: int, records: Records, host_address: HostAddress) -> None:
        self._records, self._host_address = records, host_address
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, port))
        self.address, self.port = self._socket.getsockname()
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name="name-server", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stops answering and frees the port. A second call does nothing."""
        if self._closing:
            return
        self._closing = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", (self.address, self.port))
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        while not self._closing:
            packet, sender = self._socket.recvfrom(4096)
            try:
                reply = answer(DNSRecord.parse(packet), self._records(), self._host_address)
                self._socket.sendto(reply.pack(), sender)
            except Exception as error:
                if not self._closing:
                    print(f"name server: no answer for a packet of {len(packet)} bytes: {error!r}", flush=True)


def start(address: str, port: int, records: Records, host_address: HostAddress | None = None) -> NameServer:
    """Starts the name server. `records()` gives the records that are in sync now; port 0 takes any free one."""
    if host_address is None:
        from rehearsal.account import platform

        host_address = platform.host_address
    return NameServer(address, port, records, host_address)


def answer(query: DNSRecord, records: Sequence[Record], host_address: HostAddress) -> DNSRecord:
    """The reply to one query, with every alias followed inside it."""
    reply = query.reply()
    name, kind = _text(query.q.qname), QTYPE.get(query.q.qtype)
    known = False
    for _ in range(MAX_ALIASES):
        found = _lookup(name, kind, records, host_address)
        known = known or bool(found) or _exists(name, records, host_address)
        for each in found:
            reply.add_answer(each)
        if not found or found[-1].rtype != QTYPE.CNAME or kind == "CNAME":
            break
        name = _text(found[-1].rdata.label)
    if not known:
        reply.header.rcode = RCODE.NXDOMAIN
    return reply


def _lookup(name: str, kind: str, records: Sequence[Record], host_address: HostAddress) -> list[RR]:
    if kind == "A" and (address := host_address(name)):
        return [RR(name, QTYPE.A, rdata=A(address), ttl=RDS_TTL_SECONDS)]
    candidates = [each for each in records if _text(each["Name"]) == name and each["Type"] in {kind, "CNAME"}]
    if not candidates:
        return []
    chosen = _draw(candidates)
    return [_resource(name, chosen["Type"], value, int(chosen["TTL"])) for value in chosen["Values"]]


def _draw(candidates: Sequence[Record]) -> Record:
    weights = [int(each.get("Weight") or 0) for each in candidates]
    return random.choices(candidates, weights if any(weights) else None)[0]


def _resource(name: str, kind: str, value: str, ttl: int) -> RR:
    rdata = {"A": A, "CNAME": CNAME, "TXT": TXT}[kind](value.strip('"') if kind == "TXT" else value)
    return RR(name, getattr(QTYPE, kind), rdata=rdata, ttl=ttl)


def _exists(name: str, records: Sequence[Record], host_address: HostAddress) -> bool:
    return host_address(name) is not None or any(_text(each["Name"]) == name for each in records)


def _text(label: object) -> str:
    return str(label).rstrip(".").lower()
