"""The ways on which DMS carries rows in one migration: what its endpoints and its task are called. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from migration.names import Names

INSTANCE_ENGINE, CLUSTER_ENGINE = "postgres", "aurora-postgresql"


@dataclass(frozen=True)
class Way:
    """One task and its two endpoints. `migration_type` as in CreateReplicationTask."""

    task: str
    source_endpoint: str
    target_endpoint: str
    source_engine: str
    target_engine: str
    migration_type: str


def forward(names: Names) -> Way:
    """Source → target. DMS makes its own slot (AWS_RULES R2.2)."""
    return Way(
        names.replication_task,
        names.source_endpoint,
        names.target_endpoint,
        INSTANCE_ENGINE,
        CLUSTER_ENGINE,
        "full-load-and-cdc",
    )


def reverse(names: Names) -> Way:
    """Target → source, from a slot of ours; never while the forward task works (AWS_RULES R3.8)."""
    return _back(names, names.reverse_task)


def canary(names: Names) -> Way:
    """Target → source, only the canary's table: through the endpoints and the slot that the reverse task will use."""
    return _back(names, names.canary_task)


def all_ways(names: Names) -> list[Way]:
    """All of them, for the end."""
    return [canary(names), reverse(names), forward(names)]


def _back(names: Names, task: str) -> Way:
    endpoints = names.reverse_source_endpoint, names.reverse_target_endpoint
    return Way(task, *endpoints, CLUSTER_ENGINE, INSTANCE_ENGINE, "cdc")
