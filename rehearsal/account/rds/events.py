"""RDS events: kept for DescribeEvents and put on the event bus.

Ids and wording: RDS user guide, "Amazon RDS event categories and event messages".
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from typing import Any

from rehearsal.account.rds import checks
from rehearsal.account.rds.fleet import Fleet, View, arn, bare_name, now
from rehearsal.account.wire import ApiError

# source type: kind in its ARN, EventBridge detail-type, SourceType in the event's detail
_SOURCES = {
    "db-instance": ("db", "RDS DB Instance Event", "DB_INSTANCE"),
    "db-cluster": ("cluster", "RDS DB Cluster Event", "CLUSTER"),
    "db-snapshot": ("snapshot", "RDS DB Snapshot Event", "SNAPSHOT"),
    "db-cluster-snapshot": ("cluster-snapshot", "RDS DB Cluster Snapshot Event", "CLUSTER_SNAPSHOT"),
    "db-parameter-group": ("pg", "RDS DB Parameter Group Event", "DB_PARAM"),
}
# id: source type, categories, message
_EVENTS: Mapping[str, tuple[str, tuple[str, ...], str]] = {
    "0001": ("db-instance", ("backup",), "Backing up DB instance"),
    "0002": ("db-instance", ("backup",), "Finished DB instance backup"),
    "0003": ("db-instance", ("deletion",), "DB instance deleted"),
    "0004": ("db-instance", ("availability",), "DB instance shutdown"),
    "0005": ("db-instance", ("creation",), "DB instance created"),
    "0006": ("db-instance", ("availability",), "DB instance restarted"),
    "0016": ("db-instance", ("configuration change",), "The master user password was reset"),
    "0020": (
        "db-instance",
        ("recovery",),
        "Recovery of the DB instance has started. Recovery time will vary with the amount of data to be recovered.",
    ),
    "0021": ("db-instance", ("recovery",), "Recovery of the DB instance is complete."),
    "0040": ("db-snapshot", ("creation",), "Creating manual snapshot"),
    "0041": ("db-snapshot", ("deletion",), "Deleted manual snapshot"),
    "0042": ("db-snapshot", ("creation",), "Manual snapshot created"),
    "0071": ("db-cluster", ("failover",), "Completed failover to DB instance: {instance}"),
    "0073": ("db-cluster", ("failover",), "Started cross AZ failover to DB instance: {instance}"),
    "0074": ("db-cluster-snapshot", ("backup",), "Creating manual cluster snapshot"),
    "0075": ("db-cluster-snapshot", ("backup",), "Manual cluster snapshot created"),
    "0087": ("db-instance", ("notification",), "DB instance stopped"),
    "0088": ("db-instance", ("notification",), "DB instance started"),
    "0092": ("db-instance", ("configuration change",), "Finished updating DB parameter group"),
    "0170": ("db-cluster", ("creation",), "DB cluster created"),
    "0171": ("db-cluster", ("deletion",), "DB cluster deleted"),
}


def emit(fleet: Fleet, number: str, identifier: str, **words: str) -> None:
    """Let event RDS-EVENT-`number` of the resource happen now. EventBridge delivery is best effort, as in AWS."""
    source_type, categories, message = _EVENTS[number]
    kind, detail_type, detail_source = _SOURCES[source_type]
    event: View = {
        "SourceIdentifier": identifier,
        "SourceType": source_type,
        "Message": message.format(**words),
        "EventCategories": list(categories),
        "Date": now(),
        "SourceArn": arn(kind, identifier),
    }
    with fleet.lock:
        fleet.events.append(event)
    detail = {
        **{name: event[name] for name in ("EventCategories", "SourceArn", "Message", "SourceIdentifier")},
        "SourceType": detail_source,
        "Date": event["Date"].strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z",
        "EventID": f"RDS-EVENT-{number}",
        "Tags": dict(fleet.tags.get(event["SourceArn"], {})),
    }
    fleet.platform.put_event("aws.rds", detail_type, [event["SourceArn"]], detail)


def describe(fleet: Fleet, request: Mapping[str, Any]) -> View:
    """DescribeEvents: of the last hour unless StartTime, EndTime or Duration (minutes) say otherwise, oldest first."""
    source, kind = request.get("SourceIdentifier"), request.get("SourceType")
    if source is not None and kind is None:
        raise ApiError("InvalidParameterCombination", "Source type must be provided when a source identifier is given.")
    end = request.get("EndTime") or now()
    begin = request.get("StartTime") or end - dt.timedelta(minutes=request.get("Duration", 60))
    categories = set(request.get("EventCategories", []))
    with fleet.lock:
        found = [
            event
            for event in fleet.events
            if begin <= event["Date"] <= end
            and kind in (None, event["SourceType"])
            and (source is None or bare_name(source) == event["SourceIdentifier"])
            and (not categories or categories & set(event["EventCategories"]))
        ]
    return checks.page(request, "Events", found, lambda event: event["Date"].isoformat())
