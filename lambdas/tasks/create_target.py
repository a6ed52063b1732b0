"""CreateTarget: restores the Aurora cluster from the snapshot and adds its two Serverless v2 instances."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.aurora import Aurora
from migration.begin import begin
from migration.names import Names
from migration.rds import Rds


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"clusterId", "instanceIds"}. The source's own tags are copied to the target."""
    plan = begin("CreateTarget", event)
    names = Names(plan)
    tags = Rds(clients.rds()).own_tags(plan.source.settings.instance_id)
    aurora = Aurora(clients.rds(), plan, tags)
    aurora.create_parameter_group()
    aurora.restore_cluster(event["snapshotReady"]["snapshotArn"])
    aurora.create_instances()
    return {"clusterId": names.cluster, "instanceIds": list(names.instances)}
