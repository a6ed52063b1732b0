"""watch_reverse: one firing of the bake's schedule that looks after the way back."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients, replication_way, reverse_watch
from migration.begin import begin
from migration.context import about
from migration.dms import Dms
from migration.ledger import Ledger
from migration.metrics import Metrics
from migration.names import Names
from migration.notices import Notices
from migration.scheduler import Schedules, schedule_settings
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId", "scheduledTime"}, returns {"action", "lagSeconds", "reason"}.

    A firing that finds nothing to watch deletes the schedule.
    """
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    remembered = ledger.read(event["migrationId"])
    if not reverse_watch.is_wanted(remembered):
        name = reverse_watch.schedule_name(event["migrationId"])
        Schedules(clients.scheduler(), schedule_settings()).delete(name)
        return {"action": "ended", "lagSeconds": None, "reason": "there is no way back to watch"}
    plan = begin("WatchReverse", remembered["context"])
    names = Names(plan)
    watch = reverse_watch.ReverseWatch(
        about(plan),
        names,
        sides_of(plan, remembered["context"]),
        ledger,
        Dms(clients.dms(), names, replication_way.reverse(names)),
        Metrics(clients.cloudwatch()),
        Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send,
    )
    return watch.run(remembered, event["scheduledTime"], datetime.now(UTC))
