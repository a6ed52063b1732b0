"""A step that has to succeed fails until somebody mends the cause: the operator reads the runbook and redrives."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rehearsal import runbook
from rehearsal.bakes import WEEK, roll_back
from rehearsal.light import Scenario, Story, StoryFailed

DENIED = {"kind": "api", "effect": "error", "code": "AccessDeniedException", "status": 403, "times": None}
LOOK, REDRIVE = "operator-needed/look", "operator-needed/redrive"


def reject(it: Story) -> None:
    """Everything is to be undone."""
    it.operate("reject", reason="rehearsed")


def approve(it: Story) -> None:
    """Everything goes well up to the last state."""
    it.operate("approve")


def go_back(it: Story) -> None:
    """From the bake, once the way back is open."""
    it.operate("approve")
    roll_back(it)


def lose_the_cut_over(it: Story) -> None:
    """No attempt of it comes to its end: the source is fenced and somebody has to undo that."""
    it.fault(kind="kill", function="crossfade-cut-over", match="step endSessions", times=None)
    it.operate("approve")


@dataclass(frozen=True)
class Stuck:
    """The state `name`, in which the call `action` is denied; `look` are the runbook's commands about that state."""

    name: str
    action: str
    look: str = ""
    decide: Callable[[Story], None] = reject
    end: str = "MigrationRolledBack"
    options: Mapping[str, Any] = field(default_factory=dict)

    def tell(self, it: Story) -> None:
        """The execution fails in the state, and goes on in it when the cause is gone."""
        it.start(approval="manual", **self.options)
        it.until_mail("Approve:")
        function = f"crossfade-{re.sub('(?<=[a-z])(?=[A-Z])', '-', self.name).lower()}"
        denied = it.fault(**DENIED, action=self.action, principal=f"{function}*")
        self.decide(it)
        it.until_mail("redrive-execution")
        if it.states[-1] != self.name:
            raise StoryFailed(f"the execution failed in {it.states[-1]}, not in {self.name}")
        for label in filter(None, (LOOK, self.look)):
            _type(it, label)
        it.account.clear_faults(denied)
        _type(it, REDRIVE)
        it.statuses[it.executions[-1].arn] = "RUNNING"

    def scenario(self) -> Scenario:
        """Named after the state."""
        return Scenario(
            f"fail_redrive_{self.name}", self.tell, ends=(self.end,), requests_may_fail=self.name == "UnfenceSource"
        )


def _type(it: Story, label: str) -> None:
    shell = runbook.environment(it.account, it.migration_id, it.executions[-1].arn)
    typed = runbook.type_in(runbook.commands(label), shell, it.directory / "typed.jsonl")
    if typed.status or typed.refused:
        raise StoryFailed(f"{label} of the runbook failed: {typed.errors or typed.refused}")


STATES = (
    Stuck("UnfenceSource", "dynamodb:UpdateItem", "operator-needed/databases", lose_the_cut_over),
    Stuck("RestoreReads", "route53:ChangeResourceRecordSets", "operator-needed/records"),
    Stuck("StopReplication", "secretsmanager:DeleteSecret", "operator-needed/dms"),
    Stuck("DiscardTarget", "rds:DeleteDBCluster", "operator-needed/cluster"),
    Stuck("Bake", "scheduler:CreateSchedule", "writer-moved/status", approve, "Complete"),
    Stuck("KeepTarget", "route53:ChangeResourceRecordSets", decide=go_back, options=WEEK),
    Stuck("Complete", "rds:CreateDBSnapshot", "operator-needed/source", approve, "Complete"),
)
SCENARIOS = [each.scenario() for each in STATES]
