"""CreateTarget: starts to restore the Aurora cluster from the snapshot, ready for Serverless v2 and change capture."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.aurora import Aurora
from migration.begin import begin_forward
from migration.ledger import Ledger
from migration.names import Names
from migration.rds import Rds


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"clusterId", "instanceIds", "tags"}. The source's own tags go to the target too."""
    plan = begin_forward("CreateTarget", event, Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"]))
    names = Names(plan)
    tags = Rds(clients.rds()).own_tags(plan.source.settings.instance_id)
    aurora = Aurora(clients.rds(), plan, tags)
    aurora.create_parameter_group()
    aurora.restore_cluster(event["snapshotReady"]["snapshotArn"])
    return {"clusterId": names.cluster, "instanceIds": list(names.instances), "tags": tags}
