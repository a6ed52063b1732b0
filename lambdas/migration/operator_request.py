"""What an operator sends to a function: which migration, and who asks for what reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from migration.errors import MigrationBlocked


@dataclass(frozen=True)
class OperatorRequest:
    """The payload `{"migrationId", "by"?, "reason"?}`. The names are for people: AWS knows who called (CloudTrail)."""

    migration_id: str
    by: str = "an operator"
    reason: str = "no reason was given"

    def journal(self, now: datetime) -> dict[str, str]:
        """`{"by", "reason", "at"}` for the ledger."""
        return {"by": self.by, "reason": self.reason, "at": now.isoformat(timespec="seconds")}


def parse_request(payload: Any) -> OperatorRequest:
    """Raises MigrationBlocked when the payload names no migration."""
    given = payload if isinstance(payload, Mapping) else {}
    migration_id = given.get("migrationId")
    if not isinstance(migration_id, str) or not migration_id:
        raise MigrationBlocked('The payload has no migrationId; give {"migrationId": "<id from the message>"}.')
    named = {key: str(given[key]) for key in ("by", "reason") if given.get(key)}
    return OperatorRequest(migration_id, **named)
