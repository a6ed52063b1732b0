"""A dry run: the plan is printed, and the account's call record proves that the app changed nothing."""

import json
from collections.abc import Mapping
from typing import Any

from rehearsal import execution, short_run
from rehearsal.run import Rehearsal

MIGRATION = {"source": "orders-db", "mode": "dry-run"}


def run(pace: float) -> int:
    """The story; 0 when there is a plan and no changing call."""
    with Rehearsal("dry_run", pace) as rehearsal:
        rehearsal.build()
        return rehearse(rehearsal)


def rehearse(rehearsal: Rehearsal) -> int:
    """The same in a shop that is there already."""
    before = len(rehearsal.account.calls())
    done = short_run.ended(execution.start(rehearsal.account, MIGRATION), before)
    say = rehearsal.progress.say
    if done.states[-1:] != ["PlanReady"]:
        say(f"BROKEN: the dry run ended {done.status} after {', '.join(done.states)}: {done.error}: {done.sentence}")
        return 1
    say("the plan:")
    print(plan_text(json.loads(done.history[-1]["executionSucceededEventDetails"]["output"])["plan"]))
    changing = [call for call in done.calls if call["mutating"]]
    say(f"the app made {len(done.calls)} calls, {len(changing)} of them changing")
    for call in changing:
        say(f"BROKEN: a dry run called {call['action']} as {call['principal']} on {call['resource']}")
    # No call at all would mean that the record, not the app, is at fault.
    return 0 if done.calls and not changing else 1


def plan_text(plan: Mapping[str, Any]) -> str:
    """The plan for a person: from what, to what, how, and what the assessment found."""
    source, target, options = plan["source"], plan["target"], plan["options"]
    shift = options["readShift"]
    lines = {
        "migration": plan["migrationId"],
        "from": f"{source['engine']} {source['engineVersion']} on {source['instanceClass']}, {source['host']}",
        "to": f"{target['engine']} {target['engineVersion']}, cluster {target['clusterId']}, {target['minAcu']:g} to "
        f"{target['maxAcu']:g} ACU, backups kept {target['backupRetentionDays']} days",
        "method": f"{plan['method']} on {plan['replicationInstanceClass']}: {plan['methodReason']}",
        "read shift": f"{shift['steps']} percent, a step every {shift['intervalMinutes']} minutes",
        "cut-over": f"approval {options['approval']}, lag up to {options['maxLagSeconds']} s, "
        f"stall up to {options['stallBudgetMs']} ms",
        "bake": f"{options['bakeDays']} days",
    }
    findings = [f"{each['subject']} {each['message']}: {each['remedy']}" for each in plan["findings"]]
    levels = [each["level"] for each in plan["findings"]]
    shown = [*lines.items(), *zip(levels, findings, strict=True)]
    return "\n".join(f"  {name:<11} {text}" for name, text in shown)
