"""Retires replication at the end of a migration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration import source_preparation
from migration.dms import Dms
from migration.errors import RetirementPending
from migration.names import Names
from migration.secrets import Secrets
from migration.sides import Sides


def retire_replication(sides: Sides, dms: Dms, secrets: Secrets, remembered: Mapping[str, Any]) -> None:
    """Task, endpoints, instance, slots, our role on the source and the secrets are gone. Idempotent.

    Raises RetirementPending until all are.
    """
    names = Names(sides.plan)
    dms.delete_task()
    with sides.source_admin() as source:
        kept = source_preparation.drop_slots(source, remembered.get("slots", []))
        if kept:
            raise RetirementPending(f"replication slots on the source are still being read: {', '.join(kept)}")
        dms.delete_rest()
        source_preparation.undo(source, names.replication_role)
    for secret in (names.source_secret, names.target_secret):
        secrets.delete(secret)
