"""Starting a DMS task: where it starts, and what a refusal means."""

from __future__ import annotations

from typing import Any, cast

import boto3
import pytest

from migration.dms import Dms
from migration.errors import ReplicationNotReady, StateDrifted
from migration.names import Names
from migration.replication_way import canary, forward, reverse
from tests.unit.test_bake import PLAN

NAMES = Names(PLAN)
REAL = boto3.client("dms", "us-east-1")


class Service:
    """DMS's client with one task; `refused` starts are answered like a task in another state."""

    exceptions = REAL.exceptions

    def __init__(self, *statuses: str, refused: bool = False) -> None:
        self._statuses, self._refused = list(statuses), refused
        self.started: list[dict[str, Any]] = []

    def describe_replication_tasks(self, **_: Any) -> dict[str, Any]:
        status = self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]
        return {"ReplicationTasks": [{"Status": status, "ReplicationTaskArn": "arn:aws:dms:::task:A"}]}

    def start_replication_task(self, **given: Any) -> None:
        self.started.append(given)
        if self._refused:
            error: Any = {"Error": {"Code": "InvalidResourceStateFault", "Message": "not now"}}
            raise self.exceptions.InvalidResourceStateFault(error, "StartReplicationTask")


def reverse_way(service: Service) -> Dms:
    return Dms(cast(Any, service), NAMES, reverse(NAMES))


def test_it_starts_at_the_position_of_the_slot() -> None:
    service = Service("ready", "ready", "starting")
    reverse_way(service).start_task("4AF/B00000D0")
    assert service.started[0]["CdcStartPosition"] == "4AF/B00000D0"
    assert service.started[0]["StartReplicationTaskType"] == "start-replication"


@pytest.mark.parametrize("status", ["starting", "running"])
def test_what_was_started_is_not_started_again(status: str) -> None:
    service = Service(status)
    reverse_way(service).start_task("4AF/B00000D0")
    assert service.started == []


def test_a_start_whose_answer_was_lost_is_a_start() -> None:
    reverse_way(Service("ready", "ready", "starting", refused=True)).start_task()


def test_a_refused_start_says_why() -> None:
    with pytest.raises(
        StateDrifted, match=r"does not start the replication task crossfade-orders-1f0c9a2b-reverse: .*not now"
    ):
        reverse_way(Service("ready", refused=True)).start_task()


def test_a_task_that_is_being_made_is_waited_for() -> None:
    with pytest.raises(ReplicationNotReady, match="creating"):
        reverse_way(Service("creating")).start_task()


def test_the_ways_share_nothing_but_the_endpoints_back() -> None:
    ways = [forward(NAMES), reverse(NAMES), canary(NAMES)]
    assert len({way.task for way in ways}) == 3
    assert len({way.source_endpoint for way in ways} | {way.target_endpoint for way in ways}) == 4
    assert [way.migration_type for way in ways] == ["full-load-and-cdc", "cdc", "cdc"]
