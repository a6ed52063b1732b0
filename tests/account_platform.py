"""A platform for emulated services without ministack: what they put there is kept for the test to read."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from rehearsal.account import time_factor


@dataclass
class MemoryPlatform:
    """`rehearsal.account.platform` in memory."""

    hosts: dict[str, str] = field(default_factory=dict)
    secrets: dict[str, dict[str, Any]] = field(default_factory=dict)
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    metrics: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def pace(self) -> float:
        return time_factor.pace()

    def scaled(self, seconds: float) -> float:
        return time_factor.scaled(seconds)

    def sleep(self, seconds: float) -> None:
        time_factor.sleep(seconds)

    def run_later(self, seconds: float, action: Callable[[], None]) -> None:
        time_factor.run_later(seconds, action)

    def put_event(self, source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
        self.events.append((detail_type, detail))

    def put_metric(
        self, namespace: str, name: str, dimensions: dict[str, str], value: float, unit: str = "None"
    ) -> None:
        self.metrics.append((name, dimensions, value))

    def secret_value(self, secret_id: str) -> dict[str, Any]:
        return self.secrets[secret_id]

    def put_secret(self, name: str, value: dict[str, Any]) -> str:
        arn = f"arn:aws:secretsmanager:us-east-1:000000000000:secret:{name}"
        self.secrets[arn] = value
        return arn

    def role_allows(self, role_arn: str, action: str, resource: str, service: str | None = None) -> bool:
        return True

    def set_host(self, name: str, address: str) -> None:
        self.hosts[name] = address

    def forget_host(self, name: str) -> None:
        self.hosts.pop(name, None)

    def host_address(self, name: str) -> str | None:
        return self.hosts.get(name)
