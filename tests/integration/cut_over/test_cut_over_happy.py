"""There and back under concurrent writers: nothing is lost, and the way back is no longer than the way there."""

from __future__ import annotations

import json
import sys
import time

import pytest

from migration import clients
from migration.errors import StateDrifted
from migration.gate import TargetGate
from migration.sequences import Sequence
from rehearsal.servers.postgres import Server
from tests.integration.cut_over.moves import BACK, CUT, WAYS, Way
from tests.integration.cut_over.stage import DATABASE, Stage, Writers

NEXT_ID_IS_FREE = "select nextval('writes_id_seq') > max(id) from writes"
TOTALS = "select client, writes from totals order by 1"


def test_there_and_back_nothing_is_lost(stage: Stage, capsys: pytest.CaptureFixture[str]) -> None:
    stage.records().set_reader_weights(100)
    published, results = [generation(stage)], []
    with Writers(stage, 8) as writers:
        _until(writers, 300)
        for way in WAYS:
            with way.run(stage) as run:
                results.append(way.move(run))
            published.append(generation(stage))
            _until(writers, len(writers.acknowledged) + 300)
    with capsys.disabled():
        sys.stdout.write(f"\nwriters waited {writers.longest_gap_ms:.0f} ms at most\n")
        sys.stdout.writelines(f"{way.name}: {result}\n" for way, result in zip(WAYS, results, strict=True))
    stage.await_equal()
    for server in (stage.source, stage.target):
        assert writers.lost(server) == []
    assert stage.source.run(TOTALS, DATABASE) == stage.target.run(TOTALS, DATABASE)
    assert stage.source.run(NEXT_ID_IS_FREE, DATABASE) == [[True]]
    BACK.assert_moved(stage)
    assert published == sorted(set(published))
    for way, result in zip(WAYS, results, strict=True):
        assert result["stallMs"] < 3000
        assert result["terminatedSessions"] == 8
        assert result["writer"]["host"] == way.new(stage).address
        assert result["dnsChange"]
        with way.run(stage) as again:
            assert way.move(again) == result


def test_an_open_target_cannot_be_opened_again(stage: Stage) -> None:
    with CUT.run(stage) as run:
        CUT.move(run)
    with stage.sides().target_admin() as late, pytest.raises(StateDrifted, match="is open"):
        TargetGate().open(late, [Sequence("public", "writes_id_seq", 1)])
    assert stage.target.run(NEXT_ID_IS_FREE, DATABASE) == [[True]]


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
def test_the_slot_of_the_way_back_is_there_from_the_cut_over_on(stage: Stage, way: Way) -> None:
    way.begin(stage)
    with way.run(stage) as run:
        way.move(run)
    cut_over = stage.ledger().read(stage.plan.migration_id)["cutOver"]
    assert slots(stage.target) == [["test_decoding", cut_over["targetPosition"]]]


@pytest.mark.parametrize(("increment", "source", "target", "expected"), [(1, 7, 9, 9), (1, 9, 7, 9), (-1, -7, -9, -9)])
def test_the_source_gives_out_no_number_twice(
    stage: Stage, increment: int, source: int, target: int, expected: int
) -> None:
    bounds = "minvalue -1000 maxvalue 1000"
    for server, value in ((stage.source, source), (stage.target, target)):
        server.run(f"create sequence numbers increment {increment} {bounds} start {value}", DATABASE)
        server.run("select nextval('numbers')", DATABASE)
    try:
        CUT.begin(stage)
        with CUT.run(stage) as run:
            CUT.move(run)
        for server, value in ((stage.source, source), (stage.target, target)):
            with server.connect(DATABASE) as session:
                session.run("set default_transaction_read_only = off")
                session.run(f"select setval('numbers', {value})")
        with BACK.run(stage) as run:
            BACK.move(run)
        assert stage.source.run("select last_value from numbers", DATABASE) == [[expected]]
    finally:
        stage.reset()
        for server in (stage.source, stage.target):
            server.run("drop sequence numbers", DATABASE)


def test_a_sequence_that_was_set_and_not_called_goes_on_where_it_was_set(stage: Stage) -> None:
    made = ("unused", '"Re ""set"', "taken", "late")
    for server in (stage.source, stage.target):
        for name in made[:3]:
            server.run(f"create sequence {name} start 3", DATABASE)
    stage.source.run("create sequence late", DATABASE)
    try:
        stage.source.run("""select setval('"Re ""set"', 1000, false), setval('taken', 5, false)""", DATABASE)
        CUT.begin(stage)
        with CUT.run(stage) as run:
            CUT.move(run)
        assert next_values(stage.target, *made[:2]) == [3, 1000]
        stage.target.run("""select setval('"Re ""set"', 2000, false)""", DATABASE)
        stage.source.run("set transaction_read_only = off; select nextval('taken')", DATABASE)
        with BACK.run(stage) as run:
            BACK.move(run)
        assert next_values(stage.source, *made[:3]) == [4, 2000, 6]
    finally:
        stage.reset()
        for server in (stage.source, stage.target):
            server.run(f"drop sequence if exists {', '.join(made)}", DATABASE)


def next_values(server: Server, *names: str) -> list[object]:
    return [server.run(f"select nextval('{name}')", DATABASE)[0][0] for name in names]


def generation(stage: Stage) -> int:
    value = clients.ssm().get_parameter(Name="/crossfade/orders/writer")["Parameter"]["Value"]
    return int(json.loads(value)["generation"])


def slots(server: Server) -> list[list[object]]:
    return server.run(
        "select plugin::text, confirmed_flush_lsn::text from pg_replication_slots where slot_name like 'crossfade%'"
    )


def _until(writers: Writers, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(writers.acknowledged) < count:
        assert time.monotonic() < deadline, f"only {len(writers.acknowledged)} writes"
        time.sleep(0.01)
