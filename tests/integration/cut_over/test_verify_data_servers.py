"""Two real databases are compared: equal under writes, and each kind of planted difference is found and named."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from migration.comparison import from_mask
from migration.errors import VerificationFailed, VerificationUnstable
from migration.verification import Verification
from tests.integration.cut_over.stage import DATABASE, Stage, Writers

SEED = """
insert into kinds (id, price, ratio, at, doc, raw, plain, lasted, tags)
    select g, g / 7.0, g / 3.0::float8, '2026-03-29 00:30+00'::timestamptz + g * interval '1 hour',
           jsonb_build_object('g', g), decode(md5(g::text), 'hex'), '{"a":  1}', g * interval '1 day 1 second',
           array[g::text, null]
    from generate_series(1, 2000) g
    on conflict do nothing;
insert into parts select g, date '2020-01-01' + g, 'note' from generate_series(1, 3000) g on conflict do nothing;
insert into "Odd ""Names" select g, 'x' from generate_series(1, 100) g on conflict do nothing
"""
HIDDEN = (
    "set session_replication_role = replica",
    # With an origin of its own, so that the way back does not carry it to the source.
    (
        "select pg_replication_origin_create('planted')"
        " where not exists (select from pg_replication_origin where roname = 'planted')"
    ),
    "select pg_replication_origin_session_setup('planted')",
)


@pytest.fixture
def seeded(stage: Stage) -> Stage:
    for statement in SEED.split(";"):
        stage.source.run(statement, DATABASE)
    return stage


def verify(stage: Stage, unproven: dict[str, str] | None = None, seconds: float = 30.0) -> dict[str, Any]:
    with stage.sides().source_admin() as source, stage.sides().target_admin() as target:
        return Verification(source, target, unproven or {}).run(time.monotonic() + seconds)


def on_target(stage: Stage, sql: str) -> None:
    """Changes the target behind replication's back."""
    with stage.target.connect(DATABASE) as session:
        for statement in (*HIDDEN, sql):
            session.run(statement)


def test_equal_under_writes(seeded: Stage) -> None:
    with Writers(seeded, 2, pause_seconds=0.01):
        result = verify(seeded)
    assert result["tables"] == 6
    assert result["rows"] >= 5100


@pytest.fixture(
    params=[
        ("kinds", "update kinds set ratio = ratio + 1e-12 where id = 77", "update kinds set ratio = 77 / 3.0::float8"),
        ("kinds", """update kinds set plain = '{"a": 1}' where id = 5""", """update kinds set plain = '{"a":  1}'"""),
        ("kinds", "update kinds set price = 1.10 where id = 5", "update kinds set price = id / 7.0"),
        ("kinds", "delete from kinds where id = 1", ""),
        ("parts", "insert into parts values (-1, '2026-01-01', '')", "delete from parts where id = -1"),
        ("nothing", "insert into nothing values (1)", "delete from nothing"),
        ('Odd "Names', """delete from "Odd ""Names" where "A key" = 3""", ""),
    ],
    ids=["float", "json-text", "generated", "missing", "extra-in-partition", "extra-in-empty", "odd-names"],
)
def difference(request: pytest.FixtureRequest, seeded: Stage) -> Iterator[tuple[Stage, str]]:
    table, plant, repair = request.param
    seeded.await_equal()
    time.sleep(0.3)
    on_target(seeded, plant)
    yield seeded, table
    if "where id = 77" in plant:
        repair += " where id = 77"
    on_target(seeded, repair or REPAIRS[plant])


REPAIRS = {
    "delete from kinds where id = 1": (
        "insert into kinds (id, price, ratio, at, doc, raw, plain, lasted, tags) select 1, 1 / 7.0, 1 / 3.0::float8,"
        " '2026-03-29 01:30+00', '{\"g\": 1}', decode(md5('1'), 'hex'), '{\"a\":  1}', '1 day 1 second', '{1,NULL}'"
    ),
    """delete from "Odd ""Names" where "A key" = 3""": """insert into "Odd ""Names" values (3, 'x')""",
}


def test_a_planted_difference_is_found(difference: tuple[Stage, str]) -> None:
    stage, table = difference
    with pytest.raises(VerificationFailed) as failure:
        verify(stage)
    assert f"public.{table} differs in 1 of 256 buckets" in str(failure.value)


def test_a_table_on_one_side_only_is_named(seeded: Stage) -> None:
    seeded.target.run("create table only_here (id int primary key)", DATABASE)
    try:
        with pytest.raises(VerificationFailed, match=r"same tables: public\.only_here"):
            verify(seeded)
    finally:
        seeded.target.run("drop table only_here", DATABASE)


def test_time_running_out_keeps_the_progress(seeded: Stage) -> None:
    seeded.await_equal()
    on_target(seeded, "insert into nothing values (1)")
    left: dict[str, str] = {}
    try:
        with seeded.sides().source_admin() as source, seeded.sides().target_admin() as target:
            verification = Verification(source, target)
            with (
                pytest.raises(VerificationUnstable, match=r"public\.nothing: 1 of 256 buckets still differ"),
                verification.remembered(left.update),
            ):
                verification.run(time.monotonic() - 1)
    finally:
        on_target(seeded, "delete from nothing")
    assert len(from_mask(left["public.nothing"])) == 1
    assert {mask for table, mask in left.items() if table != "public.nothing"} == {"0"}
    assert verify(seeded, left)["rows"] == 0
