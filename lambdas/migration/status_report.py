"""What `status` says of a migration: where it is, and what happens next. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# State of the machine → what happens in it and after it, or what an operator can do. A wait names its limit.
NEXT = {
    "IsUndo": "The input decides what begins.",
    "AssessSource": "The source is assessed and a plan is made; nothing is changed.",
    "IsDryRun": "The plan is the result of a dry run, or the source is claimed.",
    "PlanReady": "Nothing: this was a dry run.",
    "ClaimMigration": "The source is claimed, then prepared.",
    "PrepareSource": "The source gets its marker table and replication role, the DNS records weights; then a snapshot.",
    "SnapshotSource": "A snapshot of the source begins.",
    "AwaitSnapshot": "The cluster is restored from the snapshot as soon as that is available.",
    "CreateTarget": "The cluster is being restored from the snapshot.",
    "AwaitTarget": "Replication begins as soon as cluster, writer and reader are available.",
    "StartReplication": "The target is emptied and closed, then DMS loads it.",
    "AwaitReplication": "The data is verified as soon as every table is loaded and the lag is low.",
    "VerifyData": "The target fails over once on purpose when all rows are equal on both sides.",
    "DrillFailover": "The way back is proved when the cluster takes writes again and replication has caught up.",
    "PrepareReverse": "The reads begin to shift when a row has gone to the target and back.",
    "ShiftReads": "More reads go to the target step by step while the gates hold; crossfade-pause holds the weights.",
    "RequestCutover": "A person decides: crossfade-approve or crossfade-reject. After 14 days everything is undone.",
    "CutOver": "The writer moves to Aurora within seconds, or stays where it is.",
    "FinishCutOver": "Aurora is the writer already; publishing that is being finished, then the bake begins.",
    "Bake": "The migration completes when the bake is over. crossfade-roll-back goes back to the source until then;"
    " crossfade-complete-early ends the bake now.",
    "Complete": "Replication is retired, a final snapshot is taken, the source is kept and on-call is told.",
    "SwitchBack": "The writer moves back to the source within seconds, or stays on Aurora.",
    "FinishSwitchBack": "The source is the writer again already; publishing that is being finished.",
    "UnfenceTarget": "Going back failed and Aurora stays the writer: it takes writes again, then the bake goes on.",
    "UnfenceSource": "The cut-over was undone: the source takes writes, then all reads go back to it.",
    "RestoreReads": "All reads go back to the source, then replication is stopped.",
    "StopReplication": "Replication is stopped and deleted, then the target is discarded or kept.",
    "HasSwitchedBack": "A target that was the writer is kept, any other is deleted.",
    "KeepTarget": "The source becomes as it was found; the target is kept for inspection.",
    "DiscardTarget": "Target and snapshot are deleted and the source becomes as it was found; then it is rolled back.",
    "RecallMigration": "The ledger tells how far the stopped migration had come: it is undone, or its bake goes on.",
    "HowFar": "The compensations begin where the stopped migration was.",
    "LetWorkEnd": "In ten minutes, when no function of the stopped execution works any more, replication is stopped.",
    "MigrationRefused": "Nothing: refused before anything was changed. The execution's cause says what to correct.",
    "MigrationRolledBack": "Nothing: the source is the writer and serves all reads. A new migration may be started.",
}
BEFORE_THE_CUT_OVER = frozenset(
    {
        *("AssessSource", "ClaimMigration", "PrepareSource", "SnapshotSource", "AwaitSnapshot", "CreateTarget"),
        *("AwaitTarget", "StartReplication", "AwaitReplication", "VerifyData", "DrillFailover", "PrepareReverse"),
        *("ShiftReads", "RequestCutover", "CutOver"),
    }
)
ENDS = frozenset({"MigrationRefused", "MigrationRolledBack"})


@dataclass(frozen=True)
class Standing:
    """`status` is the execution's; `is_paused` and `is_aborted` are the ledger's."""

    state: str
    status: str
    execution_arn: str
    is_paused: bool = False
    is_aborted: bool = False


def next_step(standing: Standing) -> str:
    """One sentence or two for the person who asks."""
    state, status = standing.state, standing.status
    if status == "SUCCEEDED":
        return "Nothing: the migration is complete and Aurora is the writer. The source is kept until its retirement."
    if status in ("ABORTED", "TIMED_OUT"):
        return (
            f"The execution was stopped in {state}; another one takes over within a minute. If none does:"
            " crossfade-abort."
        )
    if status == "FAILED" and state not in ENDS:
        region = standing.execution_arn.split(":")[3]
        return (
            f"An operator is needed: {state} failed. Remove the reason, then: aws stepfunctions redrive-execution"
            f" --region {region} --execution-arn {standing.execution_arn}"
        )
    if standing.is_aborted and state in BEFORE_THE_CUT_OVER:
        return f"An operator asked to stop: {state} ends within minutes, then everything is undone."
    if standing.is_paused and state == "ShiftReads":
        return (
            "Paused: the weights stay as they are until crossfade-resume. 7 days after its begin ShiftReads is undone."
        )
    return NEXT.get(state, "Unknown: AWS has forgotten the execution.")


def way_back(reverse: dict[str, Any]) -> dict[str, Any] | None:
    """`{"state", "since"?, "lastArrival"?}` of reverse replication, None before it was prepared."""
    known: dict[str, Any] = {key: reverse[key] for key in ("state", "since", "lastArrival") if key in reverse}
    return known if "state" in known else None
