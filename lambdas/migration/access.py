"""Where a database is and who logs in: values that never leave the process (no JSON form, no password in repr)."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Address:
    """`host` is a name of the instance or cluster endpoint, never an alias: TLS verifies it (AWS_RULES R6.2)."""

    host: str
    port: int
    database: str


@dataclass(frozen=True)
class Credentials:
    """Contents of a secret `{"username", "password"}`."""

    username: str
    password: str = field(repr=False)
