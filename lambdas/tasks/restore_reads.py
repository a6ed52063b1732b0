"""RestoreReads, a compensation: no schedule is left and all reads go to the source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, read_shifting
from migration.begin import begin_driven
from migration.ledger import Ledger
from migration.reader_leaving import end_reader_sessions
from migration.route53 import DnsRecords
from migration.scheduler import Schedules, schedule_settings
from migration.sides import sides_of
from migration.weights import Side


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"readerPercent"} of the target; after a switch back {"endedSessions"} on its reader too."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("RestoreReads", event, ledger)
    schedules = Schedules(clients.scheduler(), schedule_settings())
    records = DnsRecords(clients.route53(), plan.source.settings)
    change = read_shifting.restore(plan.migration_id, ledger, schedules, records)
    records.wait_insync(change or records.set_reader_weights(0, again=True))
    result = {"readerPercent": records.reader_percent()}
    if "switchBack" in event:
        flip = event["switchBack"].get("dnsChange")
        records.wait_insync(flip or records.flip_writer(Side.SOURCE, again=True))
        result["endedSessions"] = end_reader_sessions(sides_of(plan, event))
    return result
