"""What forbids a cut-over, what breaks it off, and two runs at once: only the gate decides."""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from migration.cut_over_run import CutOverRun, Step
from migration.cut_over_steps import STALL, probe_old_writer, raise_fence
from migration.errors import CutOverUndone, SourceBusy
from rehearsal.servers.postgres import Server
from tests.integration.cut_over.faults import Boom
from tests.integration.cut_over.moves import BACK, CUT, WAYS, Way
from tests.integration.cut_over.stage import APPLICATION, DATABASE, MASTER, PASSWORD, Stage


def name_of(way: Way) -> str:
    return way.name


def assert_untouched(stage: Stage) -> None:
    assert "fence" not in stage.ledger().read(stage.plan.migration_id)
    assert stage.gate() == "closed"
    assert stage.accepts_writes(stage.source)


def refusal(stage: Stage) -> str:
    with CUT.run(stage) as run, pytest.raises(SourceBusy) as busy:
        CUT.move(run)
    assert_untouched(stage)
    return str(busy.value)


def test_a_long_transaction(stage: Stage) -> None:
    with stage.application(stage.source.address) as session:
        session.run("begin; insert into writes (client, number) values (-5, 1)")
        time.sleep(2.1)
        assert f"a transaction of {APPLICATION} has been open for 2 s" in refusal(stage)
        session.run("rollback")


def test_ddl(stage: Stage) -> None:
    with stage._master(stage.source) as session:
        session.run("begin; alter table totals add column more int")
        assert "DDL holds the lock on totals" in refusal(stage)
        session.run("rollback")


def test_a_role_that_was_made_a_writer_after_the_assessment(stage: Stage) -> None:
    stage.source.run("create role newcomer login")
    stage.source.run("grant insert on writes to newcomer", DATABASE)
    try:
        assert "the role newcomer can write since after the assessment" in refusal(stage)
    finally:
        stage.source.run("drop owned by newcomer", DATABASE)
        stage.source.run("drop role newcomer")


@contextmanager
def another_role(stage: Stage) -> Iterator[str]:
    """A second role of the application, on both sides."""
    name, roles = 'batch "x"', stage.plan.source.application_roles
    for server in (stage.source, stage.target):
        with stage._master(server) as master:
            master.run('create role "batch ""x""" login')
    roles.append(name)
    try:
        yield name
    finally:
        roles.remove(name)
        for server in (stage.source, stage.target):
            drop(server)


def drop(server: Server) -> None:
    server.run('drop role if exists "batch ""x"""')


def test_a_role_that_was_dropped_after_the_assessment(stage: Stage) -> None:
    with another_role(stage) as role:
        drop(stage.source)
        assert f"the role {role} was dropped after the assessment; create it again, or abort" in refusal(stage)


@pytest.mark.parametrize("way", WAYS, ids=name_of)
def test_a_role_that_is_dropped_behind_the_fence_does_not_keep_the_others_out(stage: Stage, way: Way) -> None:
    def drop_and_fail() -> None:
        drop(way.old(stage))
        raise Boom

    with another_role(stage):
        way.begin(stage)
        with way.run(stage) as run, pytest.raises(CutOverUndone):
            way.move(run, stall=before("writeMarker", drop_and_fail, way.stall))
        way.assert_not_moved(stage)
        way.unfence(stage)


def test_a_role_that_was_dropped_on_the_fenced_source_does_not_keep_it_closed(stage: Stage) -> None:
    with another_role(stage):
        BACK.begin(stage)
        drop(stage.source)
        with BACK.run(stage) as run:
            BACK.move(run)
        BACK.assert_moved(stage)


def test_a_password_of_the_application_that_the_target_does_not_know(stage: Stage) -> None:
    with stage._master(stage.target) as master:
        master.run(f"alter role {APPLICATION} password 'the old one'")
        try:
            said = refusal(stage)
        finally:
            master.run(f"alter role {APPLICATION} password '{PASSWORD}'")
    assert "the target does not let the application of orders in" in said
    assert "the password in application, by ALTER ROLE as the target's master user" in said


@contextmanager
def replication_paused(stage: Stage) -> Iterator[None]:
    stage.target.run("alter subscription forward disable", DATABASE)
    try:
        yield
    finally:
        stage.target.run("alter subscription forward enable", DATABASE)


def test_a_target_whose_slot_would_have_to_wait(stage: Stage) -> None:
    with stage.target.connect("postgres") as session:
        session.run("begin; create role passing")
        time.sleep(2.1)
        assert "that writes has been open for 2 s" in refusal(stage)
        session.run("rollback")


def test_an_operator_who_stops_it_at_the_last_moment(stage: Stage) -> None:
    def ask() -> None:
        stage.ledger().update(stage.plan.migration_id, {"abort": {"by": "a person"}})

    assert "an operator has decided otherwise" in undone(stage, before("writeJournal", ask))
    assert stage.ledger().read(stage.plan.migration_id)["fence"]["state"] == "unfenced"


def test_replication_that_is_behind(stage: Stage) -> None:
    with replication_paused(stage):
        assert "replication of orders is more than 2.5 s behind" in refusal(stage)


def before(name: str, act: Callable[[], object], stall: tuple[Step, ...] = STALL) -> tuple[Step, ...]:
    """A stall in which something else happens just before a step."""

    def step_with(step: Step) -> Step:
        def do(run: CutOverRun) -> None:
            act()
            step.do(run)

        return dataclasses.replace(step, do=do) if step.name == name else step

    return tuple(step_with(step) for step in stall)


def undone(stage: Stage, stall: tuple[Step, ...]) -> str:
    with CUT.run(stage) as run, pytest.raises(CutOverUndone) as reason:
        CUT.move(run, stall=stall)
    assert stage.accepts_writes(stage.source)
    assert not stage.accepts_writes(stage.target)
    return str(reason.value)


def test_a_stall_that_exceeds_its_budget(stage: Stage) -> None:
    pause = replication_paused(stage)
    began = time.monotonic()
    try:
        assert "exceeded its budget of 5000 ms" in undone(stage, before("writeMarker", pause.__enter__))
    finally:
        pause.__exit__(None, None, None)
    assert time.monotonic() - began < 15


def test_a_source_that_still_lets_the_application_in(stage: Stage) -> None:
    def fence_that_leaks(run: CutOverRun) -> None:
        raise_fence(run)
        stage.source.run(f"alter role {APPLICATION} login")
        run.probe = None
        probe_old_writer(run)

    leaking = tuple(dataclasses.replace(s, do=fence_that_leaks) if s.name == "raiseFence" else s for s in STALL)
    assert "still let the application log in" in undone(stage, leaking)


def test_sessions_of_others_are_ended_too(stage: Stage) -> None:
    with stage._master(stage.source) as other:
        with CUT.run(stage) as run:
            result = CUT.move(run)
        assert result["terminatedSessions"] == 1
        with pytest.raises(Exception, match=r"57P01|network error|terminat"):
            other.run("insert into writes (client, number) values (-6, 1)")
    assert MASTER != APPLICATION


class Zombie:
    """A run that stands still before a step until it is told to go on."""

    def __init__(self, stage: Stage, way: Way, at: str) -> None:
        self.reached, self.go_on = threading.Event(), threading.Event()
        self.outcome: object = None
        self._way, stall = way, before(at, self._stand, way.stall)
        self._thread = threading.Thread(target=self._run, args=(stage, stall), daemon=True)
        self._thread.start()
        assert self.reached.wait(20)

    def finish(self) -> object:
        self.go_on.set()
        self._thread.join(20)
        return self.outcome

    def _stand(self) -> None:
        self.reached.set()
        self.go_on.wait(20)

    def _run(self, stage: Stage, stall: tuple[Step, ...]) -> None:
        try:
            with self._way.run(stage) as run:
                self.outcome = self._way.move(run, stall=stall)
        except Exception as error:  # noqa: BLE001
            self.outcome = error


@pytest.mark.parametrize("way", WAYS, ids=name_of)
@pytest.mark.parametrize("at", ["raiseFence", "endSessions", "awaitMarker", "openGate"])
def test_a_late_run_cannot_open_what_the_compensation_sealed(stage: Stage, way: Way, at: str) -> None:
    way.begin(stage)
    zombie = Zombie(stage, way, at)
    way.unfence(stage)
    assert stage.accepts_writes(way.old(stage))
    assert isinstance(zombie.finish(), CutOverUndone)
    way.assert_not_moved(stage)


@pytest.mark.parametrize("way", WAYS, ids=name_of)
@pytest.mark.parametrize("at", ["raiseFence", "endSessions", "openGate"])
def test_a_late_run_goes_forward_when_another_opened(stage: Stage, way: Way, at: str) -> None:
    way.begin(stage)
    zombie = Zombie(stage, way, at)
    with way.run(stage) as run:
        result = way.move(run)
    outcome = zombie.finish()
    assert isinstance(outcome, dict)
    assert outcome["writer"] == result["writer"]
    assert not stage.accepts_writes(way.old(stage))
    assert stage.accepts_writes(way.new(stage))


def test_a_late_run_does_not_replace_the_slot_of_an_open_target(stage: Stage) -> None:
    zombie = Zombie(stage, CUT, "makeReverseSlot")
    with CUT.run(stage) as run:
        result = CUT.move(run)
    with stage.application(stage.target.address) as application:
        application.run("insert into writes (client, number) values (-7, 1)")
        application.run("delete from writes where client = -7")
    outcome = zombie.finish()
    assert isinstance(outcome, dict)
    assert outcome["targetPosition"] == result["targetPosition"]
