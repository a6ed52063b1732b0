"""Replication lag for the eye, as CloudWatch has it; the product has its own proof."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from rehearsal.ground import client
from rehearsal.process import Account


def lag_seconds(account: Account) -> float | None:
    """The newest CDCLatencyTarget of the running replication task; None without a task or a point."""
    tasks = client(account, "dms").describe_replication_tasks(WithoutSettings=True)["ReplicationTasks"]
    running = next((task for task in tasks if task["Status"] == "running"), None)
    if running is None:
        return None
    now = datetime.now(UTC)
    answer = client(account, "cloudwatch").get_metric_statistics(
        Namespace="AWS/DMS",
        MetricName="CDCLatencyTarget",
        Dimensions=[
            {"Name": "ReplicationInstanceIdentifier", "Value": running["ReplicationTaskIdentifier"]},
            {"Name": "ReplicationTaskIdentifier", "Value": running["ReplicationTaskArn"].rsplit(":", 1)[1]},
        ],
        StartTime=now - timedelta(minutes=10),
        EndTime=now,
        Period=60,
        Statistics=["Maximum"],
    )
    newest = max(answer["Datapoints"], key=lambda point: point["Timestamp"], default=None)
    return float(newest["Maximum"]) if newest else None
