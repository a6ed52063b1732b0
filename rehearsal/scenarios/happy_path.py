"""Everything goes well: a shop moves to Aurora under load, a person approves, seven days pass, the source is kept."""

import time
from collections.abc import Mapping
from typing import Any

from rehearsal import execution
from rehearsal.run import Rehearsal, RehearsalFailed

MIGRATION = {
    "source": "orders-db",
    "approval": "manual",
    "readShift": {"steps": [1, 5, 10, 25, 50, 100], "intervalMinutes": 5},
    "bakeDays": 7,
}
BAKE_PACE = 100_000.0  # seven days in six seconds


def run(pace: float) -> int:
    """The story; 0 when every promise was kept."""
    with Rehearsal("happy_path", pace) as rehearsal:
        began = time.time()
        rehearsal.build()
        rehearsal.start_load()
        migration = execution.start(rehearsal.account, MIGRATION)
        outcome = rehearsal.follow(
            migration, on_state={"Bake": let_days_pass, "Complete": back_to_pace}, on_mail=approve
        )
        return rehearsal.judge(migration, outcome, began)


def approve(rehearsal: Rehearsal, mail: Mapping[str, Any]) -> None:
    """On-call reads the message and runs the command it finds under "Approve:", character by character."""
    lines = [line.strip() for line in mail["message"].splitlines()]
    if "Approve:" not in lines:
        return
    command = lines[lines.index("Approve:") + 1]
    if not command:
        raise RehearsalFailed(f"the message {mail['subject']!r} has no command under Approve:")
    rehearsal.progress.say(f"  on-call: {command}")
    execution.command(rehearsal.account, command)


def let_days_pass(rehearsal: Rehearsal, _: Mapping[str, Any]) -> None:
    """The bake is a week of waiting: nothing is compressed but time."""
    rehearsal.account.set_pace(BAKE_PACE)


def back_to_pace(rehearsal: Rehearsal, _: Mapping[str, Any]) -> None:
    """After the bake, time passes as before."""
    rehearsal.account.set_pace(rehearsal.pace)
