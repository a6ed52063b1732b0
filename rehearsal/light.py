"""A light scenario: a small shop, a story of what goes wrong, and where it has to end.

    SCENARIO = Scenario("fail_rejected", story, ends=("MigrationRolledBack",))

    def story(it: Story) -> None:
        it.fault(kind="event", name="snapshot-fails")   # strikes this shop only
        it.start(approval="manual")
        it.until_state("RequestCutover")
        it.operate("reject", reason="not today")

When the story returns, the framework waits for the end, stops the load and judges. `python -m rehearsal run NAME`.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from rehearsal import execution
from rehearsal.execution import Execution
from rehearsal.ground import client
from rehearsal.invariants import NAMED_STATES, Records
from rehearsal.light_load import LightLoad
from rehearsal.process import Account
from rehearsal.records import records
from rehearsal.shop import Shop

POLL_SECONDS = 0.15
SAMPLE_SECONDS = 0.3
PATIENCE_SECONDS = 180.0
TAKEN_OVER_WITHIN_SECONDS = 8.0
"""A stopped execution is taken over by another one (docs: undo_stopped) within this, or not at all."""
OPTIONS: Mapping[str, Any] = {
    "approval": "automatic",
    "readShift": {"steps": [50, 100], "intervalMinutes": 1},
    "bakeDays": 0,
    "maxLagSeconds": 60,
}


_ENDS = {
    "ExecutionSucceeded": "SUCCEEDED",
    "ExecutionFailed": "FAILED",
    "ExecutionAborted": "ABORTED",
    "ExecutionTimedOut": "TIMED_OUT",
}


class StoryFailed(RuntimeError):
    """The story could not be told as written; the message says what did not come."""


class OperationRefused(RuntimeError):
    """An operation answered with an error; the message is its sentence."""


@dataclass(frozen=True)
class Scenario:
    """One story. `ends`: the states it may end in. `alone`: nothing else may run in the account meanwhile.

    `checks` get the Story after the end and yield a sentence for each thing that is not as it should be. `note` is
    shown beside the verdict. A story that is not over after `limit_seconds`, and `build_seconds` for making the shop
    and judging, is ended and counts as broken. `requests_may_fail`: the application's requests may pass their deadline,
    because the story takes both sides away.
    """

    name: str
    story: Callable[["Story"], None]
    ends: Sequence[str]
    alone: bool = False
    limit_seconds: float = 240.0
    build_seconds: float = 60.0
    requests_may_fail: bool = False
    checks: Sequence[Callable[["Story"], Sequence[str]]] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    note: str = ""


class Story:
    """What a story may do and has seen. Everything it asks the account for concerns its own shop."""

    def __init__(self, scenario: Scenario, shop: Shop, directory: Path, say: Callable[[str], None]) -> None:
        self.scenario, self.shop, self.directory, self.say = scenario, shop, directory, say
        self.account: Account = shop.ground.account
        self.source = shop.store.name
        self.load = LightLoad(shop, directory)
        self.executions: list[Execution] = []
        self.events: list[dict[str, Any]] = []
        self.mails: list[dict[str, Any]] = []
        self.samples: list[Records] = []
        self.statuses: dict[str, str] = {}
        self._seen: dict[str, int] = {}
        self._mails_read = 0
        self._sampled_at = 0.0

    # What a story does ----------------------------------------------------------------------------------------------

    def fault(self, **rule: Any) -> int:
        """Asks the account for a fault (rehearsal/account/faults.py) that strikes this shop only; the rule's id.

        Without a `match` (`and` of a kill) it is the source's name, which is part of every name a migration gives. A
        call that carries no such name (a task token, the id of a change) needs `match=""` and a scenario `alone`.
        """
        rule.setdefault("and" if rule["kind"] == "kill" else "match", self.source)
        return self.account.add_faults({name: value for name, value in rule.items() if value != ""})[0]

    def start(self, **options: Any) -> Execution:
        """Starts a migration of the shop; options over OPTIONS and the scenario's own."""
        asked = {"source": self.source, **OPTIONS, **self.scenario.options, **options}
        arn = client(self.account, "stepfunctions").start_execution(
            stateMachineArn=execution.STATE_MACHINE, input=json.dumps(asked)
        )["executionArn"]
        self.executions.append(Execution(self.account, arn))
        return self.executions[-1]

    def until_state(self, name: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Waits until an execution of this shop has entered the state. Raises StoryFailed."""
        self.until(lambda: name in self.states, f"the state {name}", seconds)

    def until_message(self, text: str, seconds: float = PATIENCE_SECONDS) -> str:
        """Waits for a progress message or error of the history that contains `text`; the message."""
        self.until(lambda: self._message(text) is not None, f"a message with {text!r}", seconds)
        return self._message(text) or ""

    def until_mail(self, text: str, seconds: float = PATIENCE_SECONDS) -> dict[str, Any]:
        """Waits for an e-mail whose subject or text contains `text`; the mail (rehearsal/account/mailbox.py)."""
        self.until(lambda: self._mail(text) is not None, f"an e-mail with {text!r}", seconds)
        return self._mail(text) or {}

    def until(self, holds: Callable[[], bool], what: str, seconds: float = PATIENCE_SECONDS) -> None:
        """Waits until `holds()`, looking at history, mail and records meanwhile. Raises StoryFailed at the end."""
        deadline = time.monotonic() + seconds
        while not holds():
            if time.monotonic() > deadline:
                raise StoryFailed(f"{what} did not come within {seconds:g} s; {self.where}")
            if self.over and not holds():
                raise StoryFailed(f"{what} did not come; {self.where}")
            time.sleep(POLL_SECONDS)
            self.look()

    def until_end(self, seconds: float | None = None) -> str:
        """Waits for the end of every execution of the migration, those that take over included; the end state."""
        deadline = time.monotonic() + (seconds or self.scenario.limit_seconds)
        while not self.over and time.monotonic() < deadline:
            time.sleep(POLL_SECONDS)
            self.look()
        return self.end

    def until_told(self, seconds: float = 5.0) -> None:
        """Waits for the mail that tells on-call of the end; without one the invariants will say what it left out."""
        deadline = time.monotonic() + seconds
        ended = max(event["timestamp"] for event in self.events)
        while time.monotonic() < deadline and not any(datetime.fromisoformat(m["at"]) > ended for m in self.mails):
            time.sleep(POLL_SECONDS)
            self.look()

    def operate(self, operation: str, **payload: Any) -> Any:
        """Invokes an operation (`approve`, `reject`, `abort`, `roll-back`, …) for this migration; its answer.

        Raises OperationRefused with its sentence.
        """
        return self.invoke(f"crossfade-{operation}", {"migrationId": self.migration_id, **payload})

    def invoke(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Invokes a function with a payload as the operator; its answer. Raises OperationRefused."""
        answer = client(self.account, "lambda").invoke(FunctionName=function, Payload=json.dumps(payload).encode())
        content = json.loads(answer["Payload"].read() or b"null")
        if "FunctionError" in answer:
            raise OperationRefused(str(content.get("errorMessage", content)))
        return content

    def stop(self) -> None:
        """Stops the newest execution by hand."""
        client(self.account, "stepfunctions").stop_execution(
            executionArn=self.executions[-1].arn, error="Stopped", cause="stopped by hand"
        )

    def redrive(self) -> None:
        """Redrives the newest execution."""
        arn = self.executions[-1].arn
        client(self.account, "stepfunctions").redrive_execution(executionArn=arn)
        self.statuses[arn] = "RUNNING"

    # What a story sees ----------------------------------------------------------------------------------------------

    @property
    def migration_id(self) -> str:
        """The id of the migration, as its plan has it."""
        plans = (execution.result_of("AssessSource", "plan", each.history()) for each in self.executions[:1])
        found = next((plan["migrationId"] for plan in plans if plan), None)
        if found is None:
            raise StoryFailed(f"there is no plan yet; {self.where}")
        return str(found)

    @property
    def states(self) -> list[str]:
        """The states entered so far, by all executions, in order."""
        return [each["stateEnteredEventDetails"]["name"] for each in self.events if "stateEnteredEventDetails" in each]

    @property
    def stages(self) -> list[execution.Stage]:
        """The visits of states by all executions."""
        return [stage for each in self.executions for stage in execution.stages(each.history())]

    @property
    def end(self) -> str:
        """The named state everything ended in, else a sentence of what was going on."""
        last = self.executions[-1] if self.executions else None
        if last is None:
            return "no execution was started"
        status = self.statuses.get(last.arn, "RUNNING")
        state = self.states[-1] if self.states else "no state"
        if status == "SUCCEEDED" or (status == "FAILED" and state in NAMED_STATES):
            return state
        return f"{status} in {state}: {self._last_message()}"

    @property
    def last_words(self) -> str:
        """The messages to on-call since the last working state was entered: what they say of the end."""
        entered = [each["timestamp"] for each in self.events if "stateEnteredEventDetails" in each][-2:]
        since = min(entered, default=None)
        return "\n".join(m["message"] for m in self.mails if since and datetime.fromisoformat(m["at"]) >= since)

    @property
    def where(self) -> str:
        """What is going on, for a message."""
        return f"{self.source} is at: {self.end}"

    def look(self) -> None:
        """Takes in what is new: executions that took over, history, mail, and the weights of the records."""
        self._find_executions()
        for each in self.executions:
            if self.statuses.get(each.arn, "RUNNING") == "RUNNING":
                self._read_history(each)
        for mail in self.account.mailbox(self._mails_read):
            self._mails_read = mail["n"]
            if self.source in mail["subject"] + mail["message"]:
                self.mails.append(mail)
                self.say(f"{self.scenario.name}: e-mail: {mail['subject']}")
        if time.time() - self._sampled_at > SAMPLE_SECONDS:
            self._sampled_at = time.time()
            self.samples.append(records(self.shop))

    def _find_executions(self) -> None:
        """An execution that takes over bears the migration's name: `undo-<migrationId>-…`."""
        if not self.executions or self.statuses.get(self.executions[-1].arn, "RUNNING") == "RUNNING":
            return
        listed = client(self.account, "stepfunctions").list_executions(
            stateMachineArn=execution.STATE_MACHINE, maxResults=100
        )["executions"]
        known = {each.arn for each in self.executions}
        fresh = [each for each in listed if self.source in each["name"] and each["executionArn"] not in known]
        for each in sorted(fresh, key=lambda one: one["startDate"]):
            self.executions.append(Execution(self.account, each["executionArn"]))

    def _read_history(self, migration: Execution) -> None:
        last = self._seen.get(migration.arn, 0)
        fresh = [event for event in migration.recent(30) if event["id"] > last]
        if fresh and fresh[0]["id"] > last + 1:
            fresh = [event for event in migration.history() if event["id"] > last]
        for event in fresh:
            self.events.append(event)
            self._seen[migration.arn] = event["id"]
            self.statuses[migration.arn] = _ENDS.get(event["type"], "RUNNING")
            if entered := event.get("stateEnteredEventDetails"):
                self.say(f"{self.scenario.name}: ▸ {entered['name']}")

    @property
    def over(self) -> bool:
        """Whether every execution has ended and none comes to take over."""
        if not self.executions or "RUNNING" in [self.statuses.get(each.arn, "RUNNING") for each in self.executions]:
            return False
        if self.end in NAMED_STATES:
            return True
        ended = self.events[-1]["timestamp"].timestamp() if self.events else 0.0
        return time.time() - ended > TAKEN_OVER_WITHIN_SECONDS

    def _message(self, text: str) -> str | None:
        found = (execution.message(event) for event in self.events)
        return next((each for each in found if each and text in each), None)

    def _last_message(self) -> str:
        found = (execution.message(event) for event in reversed(self.events))
        return next((each for each in found if each), "nothing was said")

    def _mail(self, text: str) -> dict[str, Any] | None:
        return next((each for each in self.mails if text in each["subject"] or text in each["message"]), None)
