"""UnfenceSource, a compensation: the target is sealed and the source accepts application writes again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_driven
from migration.direction import CUT_OVER
from migration.ledger import Ledger
from migration.sides import sides_of
from migration.unfence import unfence


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"roles"}. Raises TargetAlreadyOpen when the source must stay fenced, CompensationFailed."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("UnfenceSource", event, ledger)
    return unfence(CUT_OVER, plan, sides_of(plan, event), ledger)
