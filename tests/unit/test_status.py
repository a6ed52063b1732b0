"""What crossfade-status answers, at every moment of a migration."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest

from migration import costs
from migration.errors import MigrationBlocked
from migration.executions import Executions, Position
from migration.model import MigrationPlan, from_json
from migration.status import Observer, remembered_plan
from migration.status_report import BEFORE_THE_CUT_OVER, ENDS, NEXT, Standing, next_step, way_back
from migration.weights import Side

STATES: dict[str, Any] = json.loads(
    (Path(__file__).resolve().parents[2] / "statemachines" / "migrate.asl.json").read_text(encoding="utf-8")
)["States"]
ARN = "arn:aws:states:eu-west-1:123456789012:execution:crossfade-migrate:e1"
NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PLAN: dict[str, Any] = {
    "migrationId": "orders-1f0c9a2b",
    "executionArn": ARN,
    "source": {
        "name": "orders",
        "settings": {
            **{key: key for key in ("instanceId", "databaseName", "masterSecretArn", "applicationSecretArn")},
            "writerName": "writer.x",
            "readerName": "reader.x",
            "hostedZoneId": "zone",
        },
        **{key: key for key in ("instanceArn", "engine", "engineVersion", "instanceClass", "host", "subnetGroup")},
        "port": 5432,
        "subnetIds": [],
        "securityGroupIds": [],
        "parameterGroup": "x",
        "storageEncrypted": True,
        "masterUser": "master",
        "applicationRoles": ["app"],
    },
    "target": {
        "clusterId": "orders-aurora",
        "engine": "aurora-postgresql",
        "engineVersion": "18.6",
        "parameterGroupFamily": "aurora-postgresql18",
        "minAcu": 0.5,
        "maxAcu": 8,
    },
    "options": {},
    "method": "dms",
    "methodReason": "",
    "replicationInstanceClass": "dms.r6i.large",
    "findings": [],
}


@dataclass
class History:
    """Step Functions' client with one execution; `events` newest first, given out two a page."""

    exceptions = boto3.client("stepfunctions", "us-east-1").exceptions
    status: str = "RUNNING"
    events: list[dict[str, Any]] = field(default_factory=list)
    is_forgotten: bool = False

    def describe_execution(self, **_: Any) -> dict[str, Any]:
        self._look_up()
        ended = {} if self.status == "RUNNING" else {"stopDate": NOW}
        return {"status": self.status, "startDate": NOW - timedelta(hours=2), **ended}

    def get_execution_history(self, **given: Any) -> dict[str, Any]:
        self._look_up()
        first = int(given.get("nextToken", 0))
        more = {"nextToken": str(first + 2)} if first + 2 < len(self.events) else {}
        return {"events": self.events[first : first + 2], **more}

    def _look_up(self) -> None:
        if self.is_forgotten:
            raise self.exceptions.ExecutionDoesNotExist({"Error": {"Code": "ExecutionDoesNotExist"}}, "")


def entered(state: str, minutes_ago: int = 10) -> dict[str, Any]:
    return {"timestamp": NOW - timedelta(minutes=minutes_ago), "stateEnteredEventDetails": {"name": state}}


def failed(error_type: str, message: str) -> dict[str, Any]:
    cause = json.dumps({"errorType": error_type, "errorMessage": message})
    return {"timestamp": NOW, "lambdaFunctionFailedEventDetails": {"error": error_type, "cause": cause}}


def executions(history: History) -> Executions:
    return Executions(history)  # type: ignore[arg-type]


class Quiet:
    """DNS, DMS and CloudWatch of a migration whose replication runs."""

    def __init__(self, percent: int = 25, side: Side = Side.SOURCE, task: Any = "task") -> None:
        self.percent, self.side, self.found_task = percent, side, task

    def reader_percent(self) -> int:
        return self.percent

    def writer_side(self) -> Side:
        return self.side

    def find_task(self) -> Any:
        return self.found_task

    def replication(self, _: Any) -> Any:
        return from_json(Replication, {"taskResourceId": "T", "replicationInstanceId": "I"})

    def lag_seconds(self, *_: Any) -> float:
        return 1.5

    def reverse_lag_seconds(self, *_: Any) -> float:
        return 0.25


@dataclass(frozen=True)
class Replication:
    task_resource_id: str
    replication_instance_id: str


def report(history: History, outside: Quiet | None = None, **remembered: Any) -> dict[str, Any]:
    item = {"context": {"plan": PLAN}, "claimedAt": (NOW - timedelta(hours=2)).isoformat(), **remembered}
    around: Any = outside or Quiet()
    plan = from_json(MigrationPlan, PLAN)
    return Observer(plan, item, executions(history), around, around, around).report(NOW)


def test_a_read_shift_under_way() -> None:
    found = report(History(events=[entered("ShiftReads")]), reverse={"identities": []})
    cost = found.pop("costSoFar")
    assert found == {
        "migrationId": "orders-1f0c9a2b",
        "execution": ARN,
        "status": "RUNNING",
        "state": "ShiftReads",
        "since": "2026-11-23T11:50:00+00:00",
        "forSeconds": 600,
        "progress": "",
        "lagSeconds": 1.5,
        "reverseLagSeconds": 0.25,
        "weights": {"reader": {"source": 75, "target": 25}, "writer": {"source": 100, "target": 0}},
        "reverse": None,
        "next": NEXT["ShiftReads"],
    }
    # Two hours: r6i.large $0.211; two instances at 0.5 and at 8 ACU of $0.12.
    assert (cost["hours"], cost["atLeastUsd"], cost["atMostUsd"]) == (2.0, 0.66, 4.26)
    assert len(cost["assumptions"]) == 4


def test_waiting_shows_the_progress_and_since_when_however_long_the_history() -> None:
    events = [failed("SnapshotNotReady", f"snapshot x: {percent} %") for percent in (60, 40, 20)]
    found = report(History(events=[*events, entered("AwaitSnapshot", 45), entered("SnapshotSource", 46)]))
    assert (found["state"], found["forSeconds"]) == ("AwaitSnapshot", 2700)
    assert found["progress"] == "snapshot x: 60 %"


def test_the_bake() -> None:
    found = report(
        History(events=[entered("Bake")]),
        Quiet(100, Side.TARGET, task=None),
        reverse={"state": "running", "since": "2026-11-23T11:55:00+00:00", "identities": []},
    )
    assert found["lagSeconds"] is None
    assert found["weights"]["writer"] == {"source": 0, "target": 100}
    assert found["reverse"] == {"state": "running", "since": "2026-11-23T11:55:00+00:00"}


def test_after_aws_has_forgotten_the_execution() -> None:
    found = report(History(is_forgotten=True), stage="Complete")
    assert (found["status"], found["state"], found["since"]) == ("FORGOTTEN", "Complete", None)
    assert executions(History(is_forgotten=True)).position(ARN) is None


def test_a_history_without_a_state() -> None:
    assert executions(History(events=[{"timestamp": NOW}])).position(ARN) is None


def test_a_cause_that_is_no_exception_of_ours_is_shown_as_it_is() -> None:
    event = {"timestamp": NOW, "taskFailedEventDetails": {"error": "States.Timeout", "cause": "too slow"}}
    found = executions(History(events=[event, entered("CutOver")])).position(ARN)
    assert found == Position("CutOver", NOW - timedelta(minutes=10), "too slow")


def test_an_unknown_migration() -> None:
    class Empty:
        def read(self, _: str) -> dict[str, Any]:
            return {}

    with pytest.raises(MigrationBlocked, match="The ledger knows no migration nobody"):
        remembered_plan(Empty(), "nobody")  # type: ignore[arg-type]


def test_every_state_has_its_sentence() -> None:
    assert set(NEXT) == set(STATES)
    assert set(STATES) > BEFORE_THE_CUT_OVER
    assert {name for name, state in STATES.items() if state["Type"] == "Fail"} == ENDS


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("status", ["RUNNING", "SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"])
def test_every_state_says_what_is_next_however_it_ended(state: str, status: str) -> None:
    sentence = next_step(Standing(state, status, ARN))
    assert sentence.endswith((".", ARN))
    if status == "FAILED":
        assert (sentence == NEXT[state]) == (state in ENDS)


def test_what_the_ledger_knows_changes_what_is_next() -> None:
    assert next_step(Standing("ShiftReads", "RUNNING", ARN, is_paused=True)).startswith("Paused: ")
    assert "then everything is undone" in next_step(Standing("VerifyData", "RUNNING", ARN, is_aborted=True))
    assert next_step(Standing("StopReplication", "RUNNING", ARN, is_aborted=True)) == NEXT["StopReplication"]
    assert next_step(Standing("nowhere", "FORGOTTEN", ARN)) == "Unknown: AWS has forgotten the execution."


def test_a_way_back_is_shown_once_it_has_a_state() -> None:
    assert way_back({}) is None
    assert way_back({"state": "broken", "since": "s", "lastArrival": "a", "more": 1}) == {
        "state": "broken",
        "since": "s",
        "lastArrival": "a",
    }


def test_an_unknown_replication_class_is_said_not_to_be_counted() -> None:
    estimate = costs.estimate(NOW, NOW + timedelta(hours=1), "dms.z9.huge", 0.5, 1)
    assert "dms.z9.huge not counted" in estimate.assumptions[0]
    assert (estimate.at_least_usd, estimate.at_most_usd) == (0.12, 0.24)
    assert costs.estimate(NOW, NOW - timedelta(hours=1), "dms.t3.large", 0.5, 1).hours == 0
