"""CloudWatch metrics of instances: real processor time and sessions, once an AWS minute."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from rehearsal.account.rds.fleet import Cluster, Fleet, Instance
from rehearsal.account.rds.versions import SERVERLESS
from rehearsal.servers.installation import running_pid

_PERIOD_SECONDS = 60.0
_LEAST_REAL_SECONDS = 1.0  # at a fast pace a point an AWS minute would cost more than it tells
_GIB_PER_ACU = 2.0
_TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


@dataclass
class Meter:
    """Processor time of each instance's server, as last seen."""

    fleet: Fleet
    _seen: dict[str, tuple[float, float]] = field(default_factory=dict)

    def run(self) -> None:
        """Publish for ever; an instance that cannot be measured now is left out of this round."""
        while True:
            self.fleet.platform.sleep(max(_PERIOD_SECONDS, _LEAST_REAL_SECONDS * self.fleet.platform.pace()))
            for instance in list(self.fleet.instances.values()):
                with contextlib.suppress(Exception):
                    self.publish(instance)

    def publish(self, instance: Instance) -> None:
        """Put the current values of one instance."""
        server = instance.server
        if server is None or not server.running:
            return
        sessions, lag_ms = _sessions_and_lag(instance)
        cpu = self._cpu_percent(instance)
        values = {"CPUUtilization": (cpu, "Percent"), "DatabaseConnections": (sessions, "Count")}
        cluster = self.fleet.clusters.get(instance.cluster or "")
        if cluster is not None:
            values |= _serverless(instance, cluster, cpu)
            if cluster.writer != instance.identifier:
                values["AuroraReplicaLag"] = (lag_ms, "Milliseconds")
        else:
            values["FreeableMemory"] = (8 * 2**30 * (1 - cpu / 200), "Bytes")
        for name, (value, unit) in values.items():
            dimensions = {"DBInstanceIdentifier": instance.identifier}
            self.fleet.platform.put_metric("AWS/RDS", name, dimensions, value, unit)

    def _cpu_percent(self, instance: Instance) -> float:
        now, used = time.monotonic(), _processor_seconds(instance)
        before, used_before = self._seen.get(instance.identifier, (now, used))
        self._seen[instance.identifier] = (now, used)
        return max(0.0, min(100.0, 100 * (used - used_before) / (now - before))) if now > before else 0.0


def start(fleet: Fleet) -> None:
    """Publish metrics in a daemon thread for as long as the process lives."""
    threading.Thread(target=Meter(fleet).run, daemon=True, name="rds-metrics").start()


def _serverless(instance: Instance, cluster: Cluster, cpu_percent: float) -> dict[str, tuple[float, str]]:
    """Capacity follows the load between the cluster's limits; relative metrics are relative to the maximum (R4.3)."""
    scaling = cluster.view.get("ServerlessV2ScalingConfiguration")
    if scaling is None or instance.view["DBInstanceClass"] != SERVERLESS:
        return {}
    least, most = float(scaling["MinCapacity"]), float(scaling["MaxCapacity"])
    capacity = min(most, max(least, 0.5, round(2 * most * cpu_percent / 100) / 2))
    return {
        "ServerlessDatabaseCapacity": (capacity, "Count"),
        "ACUUtilization": (100 * capacity / most, "Percent"),
        "FreeableMemory": ((most - capacity / 2) * _GIB_PER_ACU * 2**30, "Bytes"),
    }


def _sessions_and_lag(instance: Instance) -> tuple[float, float]:
    assert instance.server is not None
    rows = instance.server.run(
        "select (select count(*) from pg_stat_activity"
        " where backend_type = 'client backend' and pid <> pg_backend_pid()),"
        " case when pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() then 0"
        " else coalesce(extract(epoch from now() - pg_last_xact_replay_timestamp()) * 1000, 0) end"
    )
    return float(str(rows[0][0])), float(str(rows[0][1]))


def _processor_seconds(instance: Instance) -> float:
    assert instance.server is not None
    pid = running_pid(instance.server.data)
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return sum(_ticks(child) for child in [str(pid), *children]) / _TICKS_PER_SECOND


def _ticks(pid: str) -> int:
    """User, system and finished children's time of a process; 0 when it has just ended."""
    with contextlib.suppress(OSError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:15]))
    return 0
