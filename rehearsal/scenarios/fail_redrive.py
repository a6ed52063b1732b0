"""A step that has to succeed fails until somebody mends the cause: the operator reads the runbook and redrives."""

from collections.abc import Callable
from typing import Any

from rehearsal import runbook
from rehearsal.light import Scenario, Story, StoryFailed

DENIED = {"kind": "api", "effect": "error", "code": "AccessDeniedException", "status": 403, "times": None}
LOOK, REDRIVE = "operator-needed/look", "operator-needed/redrive"


def rejected(it: Story) -> None:
    """Everything is to be undone."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    it.operate("reject", reason="rehearsed")


def approved(it: Story) -> None:
    """Everything goes well up to the last state."""
    it.start()


def stuck(state: str, begin: Callable[[Story], None], action: str, page: str = "", **rule: Any) -> Scenario:
    """The call `action` of a state is refused for good: the execution fails in it, and goes on after a redrive."""

    def story(it: Story) -> None:
        denied = it.fault(**DENIED, action=action, **rule)
        begin(it)
        it.until(lambda: it.statuses.get(it.executions[-1].arn) == "FAILED", f"a failure in {state}")
        it.until_mail("redrive-execution")
        if it.states[-1] != state:
            raise StoryFailed(f"the execution failed in {it.states[-1]}, not in {state}")
        for label in filter(None, (LOOK, page)):
            _type(it, label)
        it.account.clear_faults(denied)
        _type(it, REDRIVE)
        it.statuses[it.executions[-1].arn] = "RUNNING"

    end = "Complete" if state in ("FinishCutOver", "Complete") else "MigrationRolledBack"
    return Scenario(f"fail_redrive_{state}", story, ends=(end,))


def _type(it: Story, label: str) -> None:
    shell = runbook.environment(it.account, it.migration_id, it.executions[-1].arn)
    typed = runbook.type_in(runbook.commands(label), shell, it.directory / "typed.jsonl")
    if typed.status or typed.refused:
        raise StoryFailed(f"{label} of the runbook failed: {typed.errors or typed.refused}")


SCENARIOS = [
    stuck("RestoreReads", rejected, "route53:ChangeResourceRecordSets", "operator-needed/records"),
    stuck("StopReplication", rejected, "dms:DeleteReplicationInstance", "operator-needed/dms", match=""),
    stuck("DiscardTarget", rejected, "rds:DeleteDBCluster", "operator-needed/cluster"),
    stuck("Complete", approved, "rds:CreateDBSnapshot", "operator-needed/source", principal="crossfade-complete*"),
]
