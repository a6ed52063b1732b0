"""Starts AWS's runtime client for one function: what `/var/runtime/bootstrap` is in Lambda. Standard library only.

A function in a VPC resolves names through the VPC's resolver, which knows the private zones and the RDS endpoints. The
name server of the account listens on a port of its own, so `getaddrinfo` asks it before the machine's resolver.
A process that is to be killed at a line of its log holds still after that line, so that it dies there and no later.
"""

import json
import os
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any

_A, _CNAME = 1, 5
_HOLD_STILL_SECONDS = 0.3
_ask_machine = socket.getaddrinfo


def _question(name: str) -> bytes:
    labels = b"".join(bytes([len(part)]) + part for part in name.encode("idna").split(b"."))
    return struct.pack("!6H", os.getpid() & 0xFFFF, 0x0100, 1, 0, 0, 0) + labels + b"\0" + struct.pack("!2H", _A, 1)


def _name_at(packet: bytes, at: int) -> tuple[str, int]:
    """The name that starts at `at`, and where the bytes after it start."""
    labels: list[str] = []
    end = 0
    while packet[at]:
        if packet[at] & 0xC0:
            end = end or at + 2
            at = struct.unpack_from("!H", packet, at)[0] & 0x3FFF
            continue
        labels.append(packet[at + 1 : at + 1 + packet[at]].decode())
        at += 1 + packet[at]
    return ".".join(labels), end or at + 1


def _answers(packet: bytes) -> tuple[list[str], str]:
    """The addresses of an answer, and the last alias in it."""
    questions, answers = struct.unpack_from("!2H", packet, 4)
    at = 12
    for _ in range(questions):
        at = _name_at(packet, at)[1] + 4
    addresses, alias = [], ""
    for _ in range(answers):
        at = _name_at(packet, at)[1]
        kind, _, _, length = struct.unpack_from("!2HIH", packet, at)
        at += 10
        if kind == _A:
            addresses.append(socket.inet_ntoa(packet[at : at + 4]))
        elif kind == _CNAME:
            alias = _name_at(packet, at)[0]
        at += length
    return addresses, alias


def resolve(name: str, server: tuple[str, int]) -> list[str]:
    """The addresses the VPC's resolver has for `name`; none when it does not know it or does not answer."""
    for _ in range(8):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as question:
            question.settimeout(1.0)
            question.sendto(_question(name), server)
            addresses, name = _answers(question.recv(4096))
        if addresses or not name:
            return addresses
    return []


def _install_resolver(server: tuple[str, int]) -> None:
    def getaddrinfo(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and "." in name and not name.replace(".", "").isdigit():
            try:
                addresses = resolve(name.rstrip("."), server)
            except OSError:
                addresses = []
            if addresses:
                return [found for address in addresses for found in _ask_machine(address, port, *args, **options)]
        return _ask_machine(host, port, *args, **options)

    socket.getaddrinfo = getaddrinfo


def _hold_still_at(points: Path) -> None:
    write = sys.stdout.write

    def write_and_hold(text: str) -> int:
        written = write(text)
        try:
            killing = json.loads(points.read_bytes())
        except FileNotFoundError:
            return written
        if any(all(part in text for part in parts) for parts in killing):
            sys.stdout.flush()
            time.sleep(_HOLD_STILL_SECONDS)
        return written

    sys.stdout.write = write_and_hold  # type: ignore[method-assign]


def main() -> None:
    """Serve invocations of the handler named by the first argument until the Runtime API ends."""
    resolver = os.environ.pop("ACCOUNT_RESOLVER", "")
    if resolver:
        address, _, port = resolver.partition(":")
        _install_resolver((address, int(port)))
    _hold_still_at(Path(os.environ.pop("ACCOUNT_KILL_POINTS")))
    # The directory of this file is no part of what a function may import.
    sys.path.pop(0)
    from awslambdaric.__main__ import main as serve

    serve([sys.argv[0], sys.argv[1]])


if __name__ == "__main__":
    main()
