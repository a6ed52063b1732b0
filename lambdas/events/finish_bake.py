"""finish_bake: the bake period is over."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import bake_ending, clients
from migration.executions import Executions
from migration.ledger import Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId"}, returns {"finished"}: false when nobody waited any more."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    executions = Executions(clients.stepfunctions())
    return {"finished": bake_ending.finish_period(str(event["migrationId"]), ledger, executions)}
