"""Connections that survive a Crossfade migration: the application keeps running while its database moves."""

from crossfade_client.connection_manager import (
    Connection,
    ConnectionManager,
    WriterUnavailable,
    is_fence_error,
    sqlstate,
)
from crossfade_client.published_writer import SsmPublishedWriter
from crossfade_client.resolver import Answer, Endpoint, NameNotResolved, Resolver

__all__ = [
    "Answer",
    "Connection",
    "ConnectionManager",
    "Endpoint",
    "NameNotResolved",
    "Resolver",
    "SsmPublishedWriter",
    "WriterUnavailable",
    "is_fence_error",
    "sqlstate",
]
