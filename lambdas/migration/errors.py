"""Every error a task raises on purpose, named for the next action.

Step Functions matches the leaf's class name; there is no inheritance in ErrorEquals (AWS_RULES R8.2).

CrossfadeError
├── MigrationBlocked        refuse: nothing was created; the message says what is wrong, where, what to do
├── NotReady                wait: the state machine's Retry comes back; the message is the progress
│   ├── SnapshotNotReady
│   ├── TargetNotReady
│   ├── ReplicationNotReady
│   ├── ReplicaLagging
│   ├── VerificationUnstable
│   ├── SourceBusy          a long transaction or DDL forbids the cut-over just now; nothing was fenced
│   └── RetirementPending   a resource of ours is still being deleted
├── Throttled               AWS, or a database (full, starting, unreachable), asked for patience; retry with backoff
├── DatabaseRefused         compensate: a database refused a statement or a login; `sqlstate` says why
├── VerificationFailed      compensate: source and target differ and stay different
├── GateBroken              compensate: a condition of the read shift no longer holds
├── StateDrifted            compensate: a resource is in a state nobody expects (failed, vanished, changed by hand)
├── AbortRequested          compensate: an operator asked
├── RollBackRequested       switch back: an operator asked during the bake
├── CutoverRejected         compensate: a person said no
├── CutOverUndone           compensate: the cut-over failed before the target opened and has undone itself
├── FlipIncomplete          go on: the target is open and is the writer; publishing it has to be finished
└── CompensationFailed      call the operator: an undo did not work
    ├── TargetAlreadyOpen   the source's fence must not be lifted: the target already takes writes
    └── SourceAlreadyOpen   the target's fence must not be lifted: the source takes writes again
"""

from __future__ import annotations


class CrossfadeError(Exception):
    """Root of all errors raised on purpose."""


class MigrationBlocked(CrossfadeError):
    """The migration must not start."""


class NotReady(CrossfadeError):
    """Wait and come back."""


class SnapshotNotReady(NotReady):
    """The snapshot is still being taken."""


class TargetNotReady(NotReady):
    """The cluster or one of its instances is not available yet."""


class ReplicationNotReady(NotReady):
    """The replication instance, an endpoint or its connection test is not ready yet."""


class ReplicaLagging(NotReady):
    """Full load is running or lag is above the limit."""


class VerificationUnstable(NotReady):
    """Some rows differ, which changes in flight can explain: compare them again."""


class SourceBusy(NotReady):
    """A long transaction or DDL is open on the source."""


class RetirementPending(NotReady):
    """A resource is still being deleted."""


class Throttled(CrossfadeError):
    """AWS throttled the call, or a database is full, starting or out of reach."""


class DatabaseRefused(CrossfadeError):
    """A database refused a statement or a login; `sqlstate` is PostgreSQL's five-character code."""

    def __init__(self, message: str, sqlstate: str) -> None:
        super().__init__(message)
        self.sqlstate = sqlstate


class VerificationFailed(CrossfadeError):
    """Source and target differ."""


class GateBroken(CrossfadeError):
    """A gate of the read shift does not hold."""


class StateDrifted(CrossfadeError):
    """A resource is in an unexpected state."""


class AbortRequested(CrossfadeError):
    """An operator asked to stop."""


class RollBackRequested(CrossfadeError):
    """An operator asked to make the source the writer again."""


class CutoverRejected(CrossfadeError):
    """A person rejected the cut-over."""


class CutOverUndone(CrossfadeError):
    """The cut-over undid itself; the source is the writer."""


class FlipIncomplete(CrossfadeError):
    """The target is open; publishing its endpoint or flipping the writer record did not finish."""


class CompensationFailed(CrossfadeError):
    """An undo did not work."""


class TargetAlreadyOpen(CompensationFailed):
    """The target takes writes already, so the source must stay fenced."""


class SourceAlreadyOpen(CompensationFailed):
    """The source takes writes again, so the target must stay fenced."""
