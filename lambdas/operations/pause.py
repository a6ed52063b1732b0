"""pause: an operator holds the read shift at its weights."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, read_shifting
from migration.ledger import Ledger
from migration.operator_request import parse_request


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Takes {"migrationId"}, returns {"readShift", "weight"} of the target. Raises MigrationBlocked."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    return read_shifting.pause(ledger, parse_request(event).migration_id)
