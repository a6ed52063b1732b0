"""PrepareReverse: a canary row goes source → target → source; the reverse task waits, made but not started."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients, replication_way
from migration.begin import begin_forward
from migration.dms import Dms
from migration.ledger import Ledger
from migration.names import Names
from migration.reverse_preparation import ReversePreparation
from migration.secrets import Secrets
from migration.sides import sides_of


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"canarySeconds", "taskArn", "taskResourceId"}. Raises ReplicationNotReady with the progress."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("PrepareReverse", event, ledger)
    names = Names(plan)
    preparation = ReversePreparation(
        sides_of(plan, event),
        ledger,
        Secrets(clients.secretsmanager()),
        reverse=Dms(clients.dms(), names, replication_way.reverse(names)),
        canary=Dms(clients.dms(), names, replication_way.canary(names)),
        secrets_role_arn=os.environ["CROSSFADE_DMS_SECRETS_ROLE_ARN"],
    )
    return preparation.run()
