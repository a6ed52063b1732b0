"""What the contract tests of Step Functions share: machines made of a few states, run and looked at."""

import json
import time
from typing import Any

import pytest

from tests.contract.account_support import Client

LAMBDA = "arn:aws:lambda:us-east-1:000000000000:function:"


class Machines:
    """Makes state machines, runs them, and reads what came of it."""

    def __init__(self, client: Client, role: str) -> None:
        self.states, self.ssm, self.role, self.made = client("stepfunctions"), client("ssm"), role, 0

    def create(self, states: dict[str, Any], start: str = "A", role: str = "", **more: Any) -> str:
        self.made += 1
        definition = json.dumps({"StartAt": start, "States": states, **more})
        name = f"machine-{self.made}-{time.time_ns()}"
        answer = self.states.create_state_machine(name=name, definition=definition, roleArn=role or self.role)
        arn: str = answer["stateMachineArn"]
        return arn

    def start(self, states: dict[str, Any], given: Any = None, **more: Any) -> str:
        machine = self.create(states, **more)
        arn: str = self.states.start_execution(stateMachineArn=machine, input=json.dumps(given or {}))["executionArn"]
        return arn

    def end(self, execution: str, limit: float = 15) -> dict[str, Any]:
        deadline = time.monotonic() + limit
        while time.monotonic() < deadline:
            found: dict[str, Any] = self.states.describe_execution(executionArn=execution)
            if found["status"] != "RUNNING":
                return found
            time.sleep(0.03)
        pytest.fail("the execution did not end")

    def run(self, states: dict[str, Any], given: Any = None, **more: Any) -> dict[str, Any]:
        return self.end(self.start(states, given, **more))

    def events(self, execution: str) -> list[str]:
        pages = self.states.get_paginator("get_execution_history").paginate(executionArn=execution, maxResults=3)
        return [event["type"] for page in pages for event in page["events"]]

    def token(self, name: str) -> str:
        for _ in range(100):
            found = self.ssm.get_parameters(Names=[f"/token/{name}"])["Parameters"]
            if found:
                return str(found[0]["Value"])
            time.sleep(0.05)
        pytest.fail("no token was handed out")


def task(resource: str, **more: Any) -> dict[str, Any]:
    """A Task state that is the last one."""
    return {"Type": "Task", "Resource": resource, "End": True} | more
