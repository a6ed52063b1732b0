"""The cut-over as data: each step has a name, what it does, where needed how it is undone. cut_over.py runs them.

PREPARE changes nothing an application could notice. STALL begins with the fence and ends when the target opens:
whatever fails there is undone in reverse order. After that there is only forward: FINISH.
Inside the stall every session is open already and every step is as few round trips as it can be.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from migration import fence, gate
from migration import sequences as sequence_values
from migration.database import Database
from migration.errors import CutOverUndone, DatabaseRefused, SourceBusy
from migration.fence import SessionEnder
from migration.identifiers import text_literal
from migration.ledger import Ledger
from migration.model import MigrationPlan
from migration.names import Names
from migration.parameters import Parameters
from migration.route53 import DnsRecords
from migration.sequences import Sequence
from migration.sides import Sides
from migration.weights import Side
from migration.write_probe import NOT_PERMITTED_TO_LOG_IN

POLL_SECONDS = 0.001


@dataclass
class CutOverRun:
    """What the steps of one invocation use and find out."""

    plan: MigrationPlan
    sides: Sides
    ledger: Ledger
    records: DnsRecords
    parameters: Parameters
    writer_prefix: str
    source: Database
    target: Database
    deadline: float = 0.0
    """Seconds since the epoch; the target must be open by then."""
    fenced_at: float = 0.0
    """Seconds since the epoch, just before the fence."""
    stalled_since: float = 0.0
    """Monotonic seconds, when this run raised the fence."""
    fence_clock: str = ""
    """The source's own time, just after the fence."""
    ender: SessionEnder | None = None
    terminated_sessions: int = 0
    marker: str = ""
    marker_ms: float = 0.0
    sequences: list[Sequence] = field(default_factory=list)
    target_position: str = ""
    source_generation: int | None = None
    """Of the published source; None in a run that goes on after a death."""
    generation: int = 0
    probe: Future[None] | None = None

    @property
    def roles(self) -> list[str]:
        """Roles that are fenced."""
        return self.plan.source.application_roles

    @property
    def database(self) -> str:
        """Name of the database on both sides."""
        return self.plan.source.settings.database_name

    def remember_fence(self, state: str, **beside: Any) -> None:
        """Writes the journal: `fencing`, `unfenced` or `fenced` (for good)."""
        journal = {"state": state, "roles": self.roles, "database": self.database, "at": self.fenced_at}
        self.ledger.update(self.plan.migration_id, {"fence": journal, **beside})

    def check_time(self) -> None:
        """Raises CutOverUndone when the stall has used up its budget."""
        if self.deadline and time.time() > self.deadline:
            raise CutOverUndone(f"the stall exceeded its budget of {self.plan.options.stall_budget_ms} ms")


@dataclass(frozen=True)
class Step:
    """`undo` also undoes a step that failed half way; both may run twice."""

    name: str
    do: Callable[[CutOverRun], None]
    undo: Callable[[CutOverRun], None] | None = None


def refuse_busy_source(run: CutOverRun) -> None:
    """Raises SourceBusy for what a fence would cut or what would outlive it."""
    found = fence.obstacles(run.source, run.roles, Names(run.plan).replication_role)
    if found:
        raise SourceBusy(f"{run.plan.source.name} cannot be fenced now: {'; '.join(found)}")


def rehearse_marker(run: CutOverRun) -> None:
    """Raises SourceBusy when a marker takes more than half of the stall's budget: then fencing would be in vain."""
    limit_seconds = run.plan.options.stall_budget_ms / 2000
    started = time.monotonic()
    marker = send_marker(run)
    while not marker_arrived(run, marker):
        if time.monotonic() - started > limit_seconds:
            raise SourceBusy(f"replication of {run.plan.source.name} is more than {limit_seconds} s behind")
        time.sleep(POLL_SECONDS)


def read_publication(run: CutOverRun) -> None:
    """Opens the connections to Route 53 and SSM and makes sure that both still point to the source."""
    run.records.prepare_flip(Side.TARGET)
    source = run.plan.source
    run.source_generation = run.parameters.publish_writer(run.writer_prefix, source.name, source.host, source.port)


def prepare_fence(run: CutOverRun) -> None:
    """Looks up what would take time in the stall."""
    run.ender = SessionEnder.prepare(run.source, run.roles, Names(run.plan).replication_role)


def write_journal(run: CutOverRun) -> None:
    """The ledger says who is fenced before anybody is, so that a compensation can lift it without this process."""
    run.fenced_at = run.fenced_at or time.time()  # a run that goes on after a death has no new budget
    run.deadline = run.fenced_at + run.plan.options.stall_budget_ms / 1000
    run.remember_fence("fencing")


def raise_fence(run: CutOverRun) -> None:
    """From here the application waits."""
    run.stalled_since = time.monotonic()
    run.fence_clock = fence.raise_fence(run.source, run.database, run.roles)
    probe_source(run)


def probe_source(run: CutOverRun) -> None:
    """Begins a login of the application in the background; `confirm_probe` asks how it went."""
    pool = ThreadPoolExecutor(1)
    run.probe = pool.submit(_log_in_in_vain, run.sides)
    pool.shutdown(wait=False)


def lift_fence(run: CutOverRun) -> None:
    """Undo, on a session of its own: the step's one may be the reason of the failure."""
    with run.sides.source_admin() as session:
        fence.lift_fence(session, run.database, run.roles)
    run.remember_fence("unfenced")


def end_sessions(run: CutOverRun) -> None:
    """Returns when no session is left that could still write."""
    ender = run.ender or SessionEnder.prepare(run.source, run.roles, Names(run.plan).replication_role)
    told: int | None = None
    while True:
        ending, starting = ender.end(run.source, run.fence_clock)
        told = ending if told is None else told
        if ending + starting == 0:
            break
        run.check_time()
        time.sleep(POLL_SECONDS)
    run.terminated_sessions = told


def write_marker(run: CutOverRun) -> None:
    """The last change on the source: everything committed was committed before it. The sequences stand still too."""
    run.marker, statement = new_marker()
    run.sequences = sequence_values.read_sequences(run.source, f"{statement}; ")


def await_marker(run: CutOverRun) -> None:
    """Returns when everything has reached the target.

    Two markers, the second sent after the first arrived: in batch apply DMS applies the tables of one batch in any
    order, so a marker can overtake; the next batch cannot.
    """
    started = time.monotonic()
    _await(run, run.marker)
    _await(run, send_marker(run))
    run.marker_ms = (time.monotonic() - started) * 1000


def confirm_probe(run: CutOverRun) -> None:
    """The application's login must have been refused; any other answer, and none, undoes the cut-over."""
    if run.probe is None:
        raise CutOverUndone("the source was not probed")
    run.probe.result(timeout=max(0.0, run.deadline - time.time()))


def open_gate(run: CutOverRun) -> None:
    """The point of no return: the target takes writes and gives out keys where the source stopped."""
    run.target_position = gate.open_gate(run.target, run.sequences)


def publish_writer(run: CutOverRun) -> None:
    """Clients that watch the parameter go on from here."""
    target = run.sides.target
    run.generation = run.parameters.publish_writer(
        run.writer_prefix, run.plan.source.name, target.writer_host, target.port, run.source_generation
    )


def flip_writer_record(run: CutOverRun) -> None:
    """100/0 → 0/100 in one batch; that it is INSYNC is waited for after the stall."""
    run.records.flip_writer(Side.TARGET)


def new_marker() -> tuple[str, str]:
    """Id of a new marker and the statement that writes it, without parameters: those cost a round trip more."""
    marker = f"cut-over/{uuid.uuid4()}"
    return marker, f"INSERT INTO crossfade.marker (id) VALUES ({text_literal(marker)})"  # noqa: S608


def send_marker(run: CutOverRun) -> str:
    """Writes a marker row on the source; its id."""
    marker, statement = new_marker()
    run.source.execute(statement)
    return marker


def marker_arrived(run: CutOverRun, marker: str) -> bool:
    """Whether the row is on the target."""
    return bool(run.target.rows(f"SELECT 1 FROM crossfade.marker WHERE id = {text_literal(marker)}"))  # noqa: S608


def _await(run: CutOverRun, marker: str) -> None:
    while not marker_arrived(run, marker):
        run.check_time()
        time.sleep(POLL_SECONDS)


def _log_in_in_vain(sides: Sides) -> None:
    try:
        sides.source_application(writable=False, connect_timeout_seconds=2.0).close()
    except DatabaseRefused as refusal:
        if refusal.sqlstate == NOT_PERMITTED_TO_LOG_IN:
            return
        raise
    raise CutOverUndone("the fenced source still let the application log in")


PREPARE = (
    Step("refuseBusySource", refuse_busy_source),
    Step("rehearseMarker", rehearse_marker),
    Step("readPublication", read_publication),
)
STALL = (
    Step("prepareFence", prepare_fence),
    Step("writeJournal", write_journal),
    Step("raiseFence", raise_fence, lift_fence),
    Step("endSessions", end_sessions),
    Step("writeMarker", write_marker),
    Step("awaitMarker", await_marker),
    Step("confirmProbe", confirm_probe),
    Step("openGate", open_gate),
)
FINISH = (Step("publishWriter", publish_writer), Step("flipWriterRecord", flip_writer_record))
