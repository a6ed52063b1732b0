"""Looks up what the message about an ended execution has to say."""

from __future__ import annotations

from migration.endings import Ending
from migration.executions import Executions
from migration.ledger import Ledger
from migration.messages import Message
from migration.outcome_messages import ended_by_design, outcome_message


def look(ending: Ending, ledger: Ledger, executions: Executions) -> Message:
    """The message: who is the writer, what is left and who holds the claim are the ledger's, as it is now."""
    remembered = ledger.read(ending.migration_id)
    source = remembered.get("context", {}).get("plan", {}).get("source", {}).get("name", ending.source)
    holder = ledger.holder(source)
    position = None if ended_by_design(ending) else executions.position(ending.execution_arn)
    return outcome_message(
        ending,
        remembered,
        claimed_by=holder.execution_arn if holder else "",
        failed_state=position.state if position else "",
    )
