"""CloudWatch: replication lag, read from DMS and sent for the way back. Never a proof (AWS_RULES R3.4)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_cloudwatch.type_defs import DimensionTypeDef, MetricDataQueryTypeDef, MetricTypeDef

NAMESPACE = "Crossfade"
REVERSE_LAG = "ReverseLagSeconds"
WINDOW_MINUTES = 10  # DMS sends one point a minute; an older one says nothing about now


class Metrics:
    """Adapter around one CloudWatch client."""

    def __init__(self, client: CloudWatchClient) -> None:
        self._client = client

    def lag_seconds(self, replication_instance_id: str, task_resource_id: str, now: datetime) -> float | None:
        """The larger of the newest CDCLatencySource and CDCLatencyTarget; None without a point in the last minutes.

        `task_resource_id` is the last part of the task's ARN. DMS's target latency contains the source's, hence no sum.
        """
        answer = self._client.get_metric_data(
            MetricDataQueries=[
                _query("source", "CDCLatencySource", replication_instance_id, task_resource_id),
                _query("target", "CDCLatencyTarget", replication_instance_id, task_resource_id),
            ],
            StartTime=now - timedelta(minutes=WINDOW_MINUTES),
            EndTime=now + timedelta(minutes=1),
            ScanBy="TimestampDescending",
        )
        newest = [series["Values"][0] for series in answer["MetricDataResults"] if series["Values"]]
        return max(newest) if len(newest) == 2 else None

    def reverse_lag_seconds(self, source: str, now: datetime) -> float | None:
        """The newest of what `put_reverse_lag` sent; None without a point in the last minutes."""
        dimension: DimensionTypeDef = {"Name": "Source", "Value": source}
        metric: MetricTypeDef = {"Namespace": NAMESPACE, "MetricName": REVERSE_LAG, "Dimensions": [dimension]}
        answer = self._client.get_metric_data(
            MetricDataQueries=[{"Id": "reverse", "MetricStat": {"Metric": metric, "Period": 60, "Stat": "Maximum"}}],
            StartTime=now - timedelta(minutes=WINDOW_MINUTES),
            EndTime=now + timedelta(minutes=1),
            ScanBy="TimestampDescending",
        )
        return next((series["Values"][0] for series in answer["MetricDataResults"] if series["Values"]), None)

    def put_reverse_lag(self, source: str, seconds: float, now: datetime) -> None:
        """How far the source is behind the target during the bake, as its markers show it."""
        self._client.put_metric_data(
            Namespace=NAMESPACE,
            MetricData=[
                {
                    "MetricName": REVERSE_LAG,
                    "Dimensions": [{"Name": "Source", "Value": source}],
                    "Timestamp": now,
                    "Value": seconds,
                    "Unit": "Seconds",
                }
            ],
        )


def _query(name: str, metric: str, instance: str, task: str) -> MetricDataQueryTypeDef:
    return {
        "Id": name,
        "MetricStat": {
            "Metric": {
                "Namespace": "AWS/DMS",
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "ReplicationInstanceIdentifier", "Value": instance},
                    {"Name": "ReplicationTaskIdentifier", "Value": task},
                ],
            },
            "Period": 60,
            "Stat": "Maximum",
        },
    }
