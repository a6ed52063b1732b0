"""AwaitTarget: adds writer and reader to the cluster; when all are available, their records with weight 0."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.aurora import Aurora
from migration.begin import begin_forward
from migration.ledger import Ledger
from migration.model import to_json
from migration.route53 import DnsRecords


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"clusterArn", "writerHost", "readerHost", "port", "masterSecretArn"}. Raises TargetNotReady."""
    plan = begin_forward("AwaitTarget", event, Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]))
    endpoints = Aurora(clients.rds(), plan, event["target"]["tags"]).await_available()
    DnsRecords(clients.route53(), plan.source.settings).add_target(endpoints.writer_host, endpoints.reader_host)
    result: dict[str, Any] = to_json(endpoints)
    return result
