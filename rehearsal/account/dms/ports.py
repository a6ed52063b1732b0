"""What the emulated DMS needs from its account. `rehearsal.account.platform` fulfils it; tests bring their own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pg8000.native import Connection


class Platform(Protocol):
    """The account's own services, as an emulated service may use them."""

    REGION: str
    ACCOUNT_ID: str

    def scaled(self, seconds: float) -> float: ...

    def sleep(self, seconds: float) -> None: ...

    def put_event(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None: ...

    def put_metric(
        self, namespace: str, name: str, dimensions: dict[str, str], value: float, unit: str = "None"
    ) -> None: ...

    def secret_value(self, secret_id: str) -> dict[str, Any]: ...

    def role_allows(self, role_arn: str, action: str, resource: str, service: str | None = None) -> bool: ...

    def host_address(self, name: str) -> str | None: ...

    def run_later(self, seconds: float, action: Callable[[], None]) -> object: ...


class AdminConnect(Protocol):
    """A session as the emulator's superuser `rdsadmin` on the server at a loopback address (Installation.connect)."""

    def __call__(self, address: str, database: str = ..., *, timeout_seconds: float = ...) -> Connection: ...
