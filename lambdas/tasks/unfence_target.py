"""UnfenceTarget, the compensation of SwitchBack: the source is sealed, the target takes application writes again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from migration import clients
from migration.bake_ending import extended
from migration.begin import begin_driven
from migration.context import about
from migration.direction import switch_back
from migration.ledger import Ledger
from migration.notices import Notices
from migration.sides import sides_of
from migration.switch_back_messages import sentence, switch_back_undone
from migration.unfence import unfence


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"roles"}; on-call knows why. Raises SourceAlreadyOpen when the target must stay fenced."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("UnfenceTarget", event, ledger)
    result = unfence(switch_back(plan, ledger), plan, sides_of(plan, event), ledger)
    remembered = ledger.read(plan.migration_id)
    if remembered["rollBack"].get("state") != "undone":
        reason = sentence(event.get("switchBackFailure", {}))
        ends_at = extended(remembered.get("bake", {}).get("endsAt", ""), datetime.now(UTC))
        message = switch_back_undone(about(plan), reason, ends_at, remembered.get("reverse", {}).get("state", ""))
        Notices(clients.sns(), os.environ["CROSSFADE_TOPIC_ARN"]).send(message)
        ledger.update(plan.migration_id, {"rollBack.state": "undone", "rollBack.failure": reason})
    return result
