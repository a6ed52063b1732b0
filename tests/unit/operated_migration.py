"""A migration as operators find it: the ledger on moto, and a Step Functions that remembers who was told what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import boto3
from moto import mock_aws

from migration.executions import Executions
from migration.ledger import Ledger
from migration.operator_request import OperatorRequest
from migration.scheduler import Schedules, ScheduleSettings

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 23, 13, 0, tzinfo=UTC)
ID = "orders-db-1f0c9a2b"
MACHINE_ARN = "arn:aws:states:eu-west-1:123456789012:stateMachine:crossfade-migrate"
EXECUTION_ARN = "arn:aws:states:eu-west-1:123456789012:execution:crossfade-migrate:e1"
ADA = OperatorRequest(ID, "ada", "Friday")
WISH = {"by": "ada", "reason": "Friday", "at": "2026-11-23T12:00:00+00:00"}
CONTEXT = {"plan": {"executionArn": EXECUTION_ARN}}


@dataclass
class Machine:
    """Step Functions' client. `waiting` are the tokens somebody waits for; `executions` the statuses by ARN."""

    exceptions = boto3.client("stepfunctions", "us-east-1").exceptions
    waiting: set[str] = field(default_factory=set)
    told: list[tuple[str, Any]] = field(default_factory=list)
    executions: dict[str, str] = field(default_factory=lambda: {EXECUTION_ARN: "RUNNING"})
    started: list[tuple[str, Any]] = field(default_factory=list)

    def send_task_success(self, **given: Any) -> None:
        self._tell(given["taskToken"], json.loads(given["output"]))

    def send_task_failure(self, **given: Any) -> None:
        self._tell(given["taskToken"], (given["error"], given["cause"]))

    def _tell(self, token: str, value: Any) -> None:
        if token not in self.waiting:
            raise self.exceptions.TaskTimedOut({"Error": {"Code": "TaskTimedOut"}}, "SendTask")
        self.waiting.remove(token)
        self.told.append((token, value))

    def describe_execution(self, **given: Any) -> dict[str, Any]:
        if given["executionArn"] not in self.executions:
            raise self.exceptions.ExecutionDoesNotExist({"Error": {"Code": "ExecutionDoesNotExist"}}, "Describe")
        status = self.executions[given["executionArn"]]
        return {"status": status, "startDate": NOW, **({} if status == "RUNNING" else {"stopDate": LATER})}

    def start_execution(self, **given: Any) -> None:
        arn = f"{EXECUTION_ARN.rsplit(':', 1)[0]}:{given['name']}"
        if self.executions.get(arn, "RUNNING") != "RUNNING":
            raise self.exceptions.ExecutionAlreadyExists({"Error": {"Code": "ExecutionAlreadyExists"}}, "Start")
        if arn not in self.executions:
            self.started.append((given["stateMachineArn"], json.loads(given["input"])))
        self.executions[arn] = "RUNNING"


@dataclass
class Operated:
    """Everything the operations are given."""

    ledger: Ledger
    machine: Machine = field(default_factory=Machine)

    @property
    def executions(self) -> Executions:
        return Executions(self.machine)  # type: ignore[arg-type]

    @property
    def schedules(self) -> Schedules:
        role = "arn:aws:iam::123456789012:role/scheduler"
        settings = ScheduleSettings("crossfade", role, "arn:aws:sqs:us-east-1:123456789012:dlq")
        return Schedules(boto3.client("scheduler"), settings)

    @property
    def remembered(self) -> dict[str, Any]:
        return self.ledger.read(ID)

    def remember(self, **changes: Any) -> None:
        self.ledger.update(ID, {"context": CONTEXT, "preparation": {}, **changes})

    def die(self, status: str = "ABORTED") -> None:
        self.machine.executions[EXECUTION_ARN] = status


@contextmanager
def operated() -> Iterator[Operated]:
    """An empty ledger and no schedule; credentials must be set."""
    with mock_aws():
        boto3.client("dynamodb").create_table(
            TableName="ledger",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
        )
        boto3.client("scheduler").create_schedule_group(Name="crossfade")
        yield Operated(Ledger(boto3.client("dynamodb"), "ledger"))
