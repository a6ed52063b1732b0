"""Ports for the servers that tests start, several test processes at once."""

import random
import socket

_BELOW_EPHEMERAL = range(20_000, 32_000)
"""Linux gives outgoing connections 32768 and up: nobody takes a port from here before its server listens."""


def free_port(address: str = "127.0.0.1") -> int:
    """A random port on which nothing listens at `address`, for TCP and UDP."""
    while True:
        port = random.choice(_BELOW_EPHEMERAL)
        if all(_is_free(address, port, kind) for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM)):
            return port


def _is_free(address: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(type=kind) as probe:
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True
