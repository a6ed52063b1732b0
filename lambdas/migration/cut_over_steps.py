"""The cut-over, and the switch back, as data: each step has a name, what it does, where needed how it is undone.

PREPARE changes nothing an application could notice. STALL begins with the fence and ends when the new writer opens:
whatever fails there is undone in reverse order. After that there is only forward: FINISH.
Both ways take the same steps, `old` and `new` exchanged (direction.py); the lists at the end of this file say which.
Inside the stall every session is open already and every step is as few round trips as it can be.
"""

from __future__ import annotations

import time
import uuid
from concurrent.futures import ThreadPoolExecutor

from migration import fence, reverse_slot, schema_drift
from migration import sequences as sequence_values
from migration.cut_over_run import CutOverRun, Step
from migration.errors import CutOverUndone, DatabaseRefused, SourceBusy, StateDrifted
from migration.fence import SessionEnder
from migration.identifiers import text_literal
from migration.names import Names
from migration.source_gate import make_source_gate
from migration.write_probe import NOT_PERMITTED_TO_LOG_IN

POLL_SECONDS = 0.001


def refuse_busy_writer(run: CutOverRun) -> None:
    """Raises SourceBusy for what a fence would cut or what would outlive it."""
    found = fence.obstacles(run.old, run.roles, run.replication_role)
    if found:
        raise SourceBusy(f"the {_side(run)} of {run.plan.source.name} cannot be fenced now: {'; '.join(found)}")


def rehearse_marker(run: CutOverRun) -> None:
    """Raises SourceBusy when a marker takes more than half of the stall's budget: then fencing would be in vain."""
    limit_seconds = run.budget_ms / 2000
    started = time.monotonic()
    marker = send_marker(run)
    while not marker_arrived(run, marker):
        if time.monotonic() - started > limit_seconds:
            raise SourceBusy(f"replication of {run.plan.source.name} is more than {limit_seconds} s behind")
        time.sleep(POLL_SECONDS)


def read_publication(run: CutOverRun) -> None:
    """Opens the connections to Route 53 and SSM and makes sure that both still point to the old writer."""
    run.records.prepare_flip(run.direction.new)
    old = run.sides.address(run.direction.old)
    run.old_generation = run.parameters.publish_writer(run.writer_prefix, run.plan.source.name, old.host, old.port)


def refuse_busy_target(run: CutOverRun) -> None:
    """Raises SourceBusy for a transaction that the slot of the way back would wait for in the stall."""
    found = fence.open_transactions(run.new)
    if found:
        raise SourceBusy(f"the target's replication slot cannot be made now: {'; '.join(found)}")


def confirm_login(run: CutOverRun) -> None:
    """Raises SourceBusy when the target refuses the application: a password changed on the source stays there."""
    try:
        run.sides.application(run.direction.new, writable=False).close()
    except DatabaseRefused as refusal:
        raise SourceBusy(
            f"the target does not let the application of {run.plan.source.name} in ({refusal}): give its role on the"
            f" target the password in {run.plan.source.settings.application_secret_arn}, by ALTER ROLE as the target's"
            " master user"
        ) from None


def prepare_fence(run: CutOverRun) -> None:
    """Looks up what would take time in the stall."""
    run.ender = SessionEnder.prepare(run.old, run.roles, run.replication_role)


def write_journal(run: CutOverRun) -> None:
    """The ledger says who is fenced before anybody is, so that a compensation can lift it without this process."""
    run.fenced_at = run.fenced_at or time.time()  # a run that goes on after a death has no new budget
    run.deadline = run.fenced_at + run.budget_ms / 1000
    if not run.remember_fence("fencing", only_while=run.direction.only_while):
        raise CutOverUndone("an operator has decided otherwise meanwhile")


def raise_fence(run: CutOverRun) -> None:
    """From here the application waits."""
    run.stalled_since = time.monotonic()
    run.fence_clock = fence.raise_fence(run.old, run.database, run.roles)
    probe_old_writer(run)


def probe_old_writer(run: CutOverRun) -> None:
    """Begins a login of the application in the background; `confirm_probe` asks how it went."""
    pool = ThreadPoolExecutor(1)
    run.probe = pool.submit(_log_in_in_vain, run)
    pool.shutdown(wait=False)


def lift_fence(run: CutOverRun) -> None:
    """Undo, on a session of its own: the step's one may be the reason of the failure."""
    with run.sides.admin(run.direction.old) as session:
        fence.lift_fence(session, run.database, run.roles)
    run.remember_fence("unfenced")


def end_sessions(run: CutOverRun) -> None:
    """Returns when no session is left that could still write."""
    ender = run.ender or SessionEnder.prepare(run.old, run.roles, run.replication_role)
    told: int | None = None
    while True:
        ending, starting = ender.end(run.old, run.fence_clock)
        told = ending if told is None else told
        if ending + starting == 0:
            break
        run.check_time()
        time.sleep(POLL_SECONDS)
    run.terminated_sessions = told


def write_marker(run: CutOverRun) -> None:
    """The old writer's last change: everything committed was committed before it. The sequences stand still too."""
    run.marker, statement = new_marker()
    run.sequences = sequence_values.read_sequences(run.old, f"{statement}; ")


def await_marker(run: CutOverRun) -> None:
    """Returns when everything has reached the new writer.

    Two markers, the second sent after the first arrived: in batch apply DMS applies the tables of one batch in any
    order, so a marker can overtake; the next batch cannot.
    """
    started = time.monotonic()
    _await(run, run.marker)
    _await(run, send_marker(run))
    run.marker_ms = (time.monotonic() - started) * 1000


def confirm_probe(run: CutOverRun) -> None:
    """The application's login must have been refused; any other answer, and none, undoes everything."""
    if run.probe is None:
        raise CutOverUndone(f"the {_side(run)} was not probed")
    run.probe.result(timeout=max(0.0, run.deadline - time.time()))


def make_reverse_slot(run: CutOverRun) -> None:
    """The way back begins here: both sides are closed, and what comes next on the target is the application's."""
    run.target_position = reverse_slot.make_once(run.new, Names(run.plan).reverse_slot)


def drop_reverse_slot(run: CutOverRun) -> None:
    """Undo: a slot that nobody reads keeps the target's log for ever."""
    with run.sides.admin(run.direction.new) as session:
        reverse_slot.drop_unread(session, Names(run.plan).reverse_slot)


def open_gate(run: CutOverRun) -> None:
    """The point of no return: the new writer takes writes and gives out keys where the old one stopped."""
    run.direction.gate.open(run.new, run.sequences)


def publish_writer(run: CutOverRun) -> None:
    """Clients that watch the parameter go on from here."""
    new = run.sides.address(run.direction.new)
    run.generation = run.parameters.publish_writer(
        run.writer_prefix, run.plan.source.name, new.host, new.port, run.old_generation
    )


def flip_writer_record(run: CutOverRun) -> None:
    """100/0 → 0/100 in one batch; that it is INSYNC is waited for after the stall. Readers had moved before."""
    run.dns_change = run.records.flip_writer(run.direction.new)


def flip_all_records(run: CutOverRun) -> None:
    """The same for writer and readers at once: nobody is to read from a target that gets no more writes."""
    run.dns_change = run.records.flip_all(run.direction.new)


def recall_position(run: CutOverRun) -> None:
    """A run that goes on after a death did not see the slot being made."""
    run.target_position = run.target_position or reverse_slot.position(run.new, Names(run.plan).reverse_slot) or ""


def compare_schemas(run: CutOverRun) -> None:
    """Raises StateDrifted for tables of the target that the source does not have: their writes would be left behind."""
    found = schema_drift.drift(run.old, run.new)
    if found:
        raise StateDrifted(
            f"The tables of {run.plan.source.name} differ on the two sides ({found}): replication carries no DDL."
            " Make them the same; rows of a table that is missing have to be brought by hand."
        )


def make_gate(run: CutOverRun) -> None:
    """The source gets a gate of its own, closed for this attempt."""
    make_source_gate(run.new, run.direction.attempt)


def new_marker() -> tuple[str, str]:
    """Id of a new marker and the statement that writes it, without parameters: those cost a round trip more."""
    marker = f"cut-over/{uuid.uuid4()}"
    return marker, f"INSERT INTO crossfade.marker (id) VALUES ({text_literal(marker)})"  # noqa: S608


def send_marker(run: CutOverRun) -> str:
    """Writes a marker row on the old writer; its id."""
    marker, statement = new_marker()
    run.old.execute(statement)
    return marker


def marker_arrived(run: CutOverRun, marker: str) -> bool:
    """Whether the row is on the new writer."""
    return bool(run.new.rows(f"SELECT 1 FROM crossfade.marker WHERE id = {text_literal(marker)}"))  # noqa: S608


def _await(run: CutOverRun, marker: str) -> None:
    while not marker_arrived(run, marker):
        run.check_time()
        time.sleep(POLL_SECONDS)


def _log_in_in_vain(run: CutOverRun) -> None:
    try:
        run.sides.application(run.direction.old, writable=False, connect_timeout_seconds=2.0).close()
    except DatabaseRefused as refusal:
        if refusal.sqlstate == NOT_PERMITTED_TO_LOG_IN:
            return
        raise
    raise CutOverUndone(f"the fenced {_side(run)} still let the application log in")


def _side(run: CutOverRun) -> str:
    return run.direction.old.value


_REFUSE = (
    Step("refuseBusyWriter", refuse_busy_writer),
    Step("rehearseMarker", rehearse_marker),
    Step("readPublication", read_publication),
)
_CLOSE = (
    Step("prepareFence", prepare_fence),
    Step("writeJournal", write_journal),
    Step("raiseFence", raise_fence, lift_fence),
    Step("endSessions", end_sessions),
    Step("writeMarker", write_marker),
    Step("awaitMarker", await_marker),
    Step("confirmProbe", confirm_probe),
)
_MAKE_REVERSE_SLOT = Step("makeReverseSlot", make_reverse_slot, drop_reverse_slot)
_OPEN_GATE = Step("openGate", open_gate)
_PUBLISH = Step("publishWriter", publish_writer)

PREPARE = (*_REFUSE, Step("refuseBusyTarget", refuse_busy_target), Step("confirmLogin", confirm_login))
STALL = (*_CLOSE, _MAKE_REVERSE_SLOT, _OPEN_GATE)
FINISH = (_PUBLISH, Step("flipWriterRecord", flip_writer_record), Step("recallPosition", recall_position))

PREPARE_BACK = (Step("makeGate", make_gate), Step("compareSchemas", compare_schemas), *_REFUSE)
STALL_BACK = (*_CLOSE, _OPEN_GATE)
FINISH_BACK = (_PUBLISH, Step("flipAllRecords", flip_all_records))
