"""VerifyData: row counts and checksums of every table agree between source and target."""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_forward
from migration.ledger import Ledger
from migration.sides import sides_of
from migration.verification import Verification

STATEMENT_TIMEOUT_MS = 840_000
ROUNDS_SECONDS = 240.0  # no new round begins later than this; the last one may be long


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"tables", "rows", "rounds"}. Raises VerificationFailed, or VerificationUnstable with the progress."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("VerifyData", event, ledger)
    sides, remembered = sides_of(plan, event), ledger.read(plan.migration_id)
    if "verified" in remembered:
        return dict(remembered["verified"])  # its answer was lost; nothing is left to read
    with (
        sides.source_admin(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as source,
        sides.target_admin(statement_timeout_ms=STATEMENT_TIMEOUT_MS) as target,
    ):
        verification = Verification(source, target, remembered.get("unproven", {}))
        with verification.remembered(lambda left: ledger.update(plan.migration_id, {"unproven": left})):
            result = verification.run(time.monotonic() + ROUNDS_SECONDS)
    ledger.update(plan.migration_id, {"verified": result})
    return result
