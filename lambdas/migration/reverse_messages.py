"""What on-call reads about the way back. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from migration.messages import Message, Subject, compose, operation_command, runbook

MEBIBYTE = 1024 * 1024


@dataclass(frozen=True)
class Breakage:
    """Why the way back does not work, and what going back now would lose.

    `equal_until`: every write on the target before it is on the source too. `log_bytes`: written on the target and not
    yet taken over, None when unknown. `first_position`: of a task that has never run. `is_final`: no command helps.
    """

    reason: str
    equal_until: datetime
    log_bytes: int | None
    task_arn: str
    first_position: str = ""
    is_final: bool = False


def resume_command(about: Subject, task_arn: str, first_position: str = "") -> str:
    """Lets DMS go on where it stopped, or begin at the slot's position when it has never run."""
    how = f"start-replication --cdc-start-position {first_position}" if first_position else "resume-processing"
    return (
        f"aws dms start-replication-task --region {about.region} --replication-task-arn {task_arn}"
        f" --start-replication-task-type {how}"
    )


def way_back_broken(about: Subject, breakage: Breakage) -> Message:
    """Aurora works on alone: the source falls behind."""
    log = "" if breakage.log_bytes is None else f", about {_mebibytes(breakage.log_bytes)} MB of log"
    loss = f"every write on Aurora since {breakage.equal_until:%Y-%m-%d %H:%M:%S} UTC{log}"
    return compose(
        f"{about.source}: the way back from Aurora is broken",
        happened=[f"Replication from {about.cluster_id} back to {about.source} does not work: {breakage.reason}"],
        means=[
            f"{about.cluster_id} is the writer and nothing is wrong with it; the bake goes on.",
            f"Going back now would lose {loss}. crossfade-roll-back refuses until replication runs again.",
        ],
        do=[*_advice(about, breakage), f"Watch: {about.console_url}", runbook("way-back-broken")],
    )


def way_back_recovered(about: Subject, lag_seconds: float) -> Message:
    """The source follows again."""
    return compose(
        f"{about.source}: the way back from Aurora works again",
        happened=[
            f"Replication from {about.cluster_id} back to {about.source} runs; it is {lag_seconds:.0f} s behind."
        ],
        means=["Going back loses nothing: the switch waits for the last write."],
        do=["Nothing.", f"Watch: {about.console_url}", runbook("way-back-restored")],
    )


def _advice(about: Subject, breakage: Breakage) -> list[str]:
    if breakage.is_final:
        return [
            "What the source has missed cannot be brought to it any more: this migration has no way back without loss.",
            "End the bake when you trust Aurora:",
            operation_command("crossfade-complete-early", about.migration_id, about.region),
        ]
    return [
        "Until it runs, the target keeps the log for it and its storage grows.",
        "Remove the reason (the task's log and its last failure message name it), then:",
        resume_command(about, breakage.task_arn, breakage.first_position),
    ]


def _mebibytes(size: int) -> int:
    return max(1, round(size / MEBIBYTE))
