"""EventBridge events and DescribeEvents of DMS (DMS User Guide, "AWS DMS event categories and event messages")."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from rehearsal.account.dms.listing import page, select
from rehearsal.account.dms.ports import Platform


@dataclass(frozen=True)
class Notice:
    """One kind of event: its id, EventBridge category and type, and the sentence that goes with it."""

    event_id: str
    category: str
    event_type: str
    message: str


INSTANCE_CREATING = Notice(
    "DMS-EVENT-0067", "Creation", "REPLICATION_INSTANCE_CREATING", "Replication instance creating"
)
INSTANCE_CREATED = Notice("DMS-EVENT-0005", "Creation", "REPLICATION_INSTANCE_CREATED", "Replication instance created")
INSTANCE_DELETING = Notice(
    "DMS-EVENT-0066", "Deletion", "REPLICATION_INSTANCE_DELETING", "Replication instance deleting"
)
INSTANCE_DELETED = Notice("DMS-EVENT-0003", "Deletion", "REPLICATION_INSTANCE_DELETED", "Replication instance deleted")
TASK_CREATED = Notice("DMS-EVENT-0074", "Creation", "REPLICATION_TASK_CREATED", "Replication task created")
TASK_STARTED = Notice("DMS-EVENT-0069", "StateChange", "REPLICATION_TASK_STARTED", "Replication task started")
TASK_STOPPED = Notice("DMS-EVENT-0079", "StateChange", "REPLICATION_TASK_STOPPED", "Replication task stopped")
TASK_FAILED = Notice("DMS-EVENT-0078", "Failure", "REPLICATION_TASK_FAILED", "Replication task has failed")
TASK_DELETED = Notice("DMS-EVENT-0073", "Deletion", "REPLICATION_TASK_DELETED", "Replication task deleted")


class Notices:
    """Sends events to EventBridge and keeps those of instances for DescribeEvents."""

    def __init__(self, platform: Platform) -> None:
        self._platform = platform
        self._events: list[dict[str, Any]] = []

    def instance(self, notice: Notice, arn: str, identifier: str) -> None:
        """Report a change of a replication instance."""
        self._events.append(
            {
                "SourceIdentifier": identifier,
                "SourceType": "replication-instance",
                "Message": notice.message,
                "EventCategories": [notice.category.lower()],
                "Date": datetime.now(UTC),
            }
        )
        link = f"replicationInstanceDetails/{identifier}"
        self._put("DMS Replication Instance State Change", "REPLICATION_INSTANCE", notice, arn, link, notice.message)

    def task(self, notice: Notice, arn: str, identifier: str, suffix: str = "") -> None:
        """Report a change of a replication task; `suffix` completes the message (", with flag = fresh start")."""
        link = f"taskDetails/{identifier}"
        self._put("DMS Replication Task State Change", "REPLICATION_TASK", notice, arn, link, notice.message + suffix)

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        wanted = request.get("SourceIdentifier")
        events = [event for event in self._events if wanted in (None, event["SourceIdentifier"])]
        chosen, marker = page(select(events, request, "Events", {}), request)
        return {"Events": chosen, **marker}

    def _put(self, detail_type: str, kind: str, notice: Notice, arn: str, link: str, message: str) -> None:
        detail = {
            "type": kind,
            "category": notice.category,
            "eventType": notice.event_type,
            "eventId": notice.event_id,
            "resourceLink": f"https://console.aws.amazon.com/dms/v2/home?region={self._platform.REGION}#{link}",
            "detailMessage": message,
        }
        self._platform.put_event("aws.dms", detail_type, [arn], detail)
