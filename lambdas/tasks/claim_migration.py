"""ClaimMigration: this execution becomes the only live migration of its source."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients
from migration.begin import begin
from migration.claims import take_claim
from migration.context import remember_context
from migration.executions import Executions
from migration.ledger import Claim, Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"claimedAt"}. Raises MigrationBlocked when another live execution has the source."""
    plan = begin("ClaimMigration", event)
    wanted = Claim(plan.migration_id, plan.execution_arn, datetime.now(UTC).isoformat(timespec="seconds"))
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    claim = take_claim(ledger, plan.source.name, wanted, Executions(clients.stepfunctions()).is_running)
    remember_context(ledger, plan.migration_id, event)
    ledger.update(plan.migration_id, {"claimedAt": claim.claimed_at}, expect={"claimedAt": None})
    return {"claimedAt": claim.claimed_at}
