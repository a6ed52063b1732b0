"""Findings from facts: what blocks, what only warns, and how it is said."""

from dataclasses import replace

import pytest

from migration.assessment import (
    InstanceFacts,
    assess_database,
    assess_instance,
    assess_login,
    assess_record,
    blockers,
    sentence,
)
from migration.assessment_queries import LISTS, DatabaseFacts
from migration.model import Finding

SOUND_INSTANCE = InstanceFacts(
    instance_id="orders-db",
    status="available",
    engine="postgres",
    in_cluster=False,
    pending_changes=[],
    read_replicas=[],
    auto_minor_version_upgrade=False,
    storage_encrypted=True,
    iam_authentication=False,
    own_parameters=[],
)
SOUND_DATABASE = DatabaseFacts(
    lists={**{key: [] for key in LISTS}, "application_roles": ["orders_app"]},
    numbers={
        "large_objects": 0,
        "free_slots": 5,
        "free_senders": 5,
        "wal_sender_timeout_ms": 60_000,
        "slot_wal_limit_mb": -1,
    },
    wal_level="logical",
    roles_not_administered=[],
    schema_exists=False,
)


def of_database(facts: DatabaseFacts, application: str = "orders_app") -> list[Finding]:
    return assess_database(facts, application, "admin")


def test_a_sound_source_has_no_findings() -> None:
    assert assess_instance(SOUND_INSTANCE) == []
    assert of_database(SOUND_DATABASE) == []


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(SOUND_INSTANCE, engine="mysql"), "has engine mysql, which is not supported"),
        (replace(SOUND_INSTANCE, in_cluster=True), "belongs to a cluster already"),
        (replace(SOUND_INSTANCE, status="stopped"), "is stopped, not available"),
        (replace(SOUND_INSTANCE, pending_changes=["EngineVersion"]), "has pending changes (EngineVersion)"),
    ],
)
def test_instances_that_cannot_be_moved(facts: InstanceFacts, said: str) -> None:
    assert said in sentence(blockers(assess_instance(facts)))


@pytest.mark.parametrize(
    "facts",
    [
        replace(SOUND_INSTANCE, read_replicas=["orders-replica"]),
        replace(SOUND_INSTANCE, iam_authentication=True),
        replace(SOUND_INSTANCE, storage_encrypted=False),
        replace(SOUND_INSTANCE, auto_minor_version_upgrade=True),
        replace(SOUND_INSTANCE, own_parameters=["work_mem"]),
    ],
)
def test_instances_that_can_but_should_be_known(facts: InstanceFacts) -> None:
    assert [finding.level for finding in assess_instance(facts)] == ["warning"]


@pytest.mark.parametrize(
    ("facts", "said"),
    [
        (replace(SOUND_DATABASE, wal_level="replica"), "set rds.logical_replication = 1"),
        (replace(SOUND_DATABASE, schema_exists=True), "has a schema crossfade already"),
        (replace(SOUND_DATABASE, roles_not_administered=["orders_app"]), "cannot be altered by the master user"),
    ],
)
def test_databases_that_cannot_be_moved(facts: DatabaseFacts, said: str) -> None:
    assert said in sentence(blockers(of_database(facts)))


@pytest.mark.parametrize(
    ("number", "value", "level"),
    [
        ("free_slots", 0, "blocker"),
        ("free_senders", 0, "blocker"),
        ("large_objects", 3, "blocker"),
        ("wal_sender_timeout_ms", 5_000, "blocker"),
        ("wal_sender_timeout_ms", 600_000, "blocker"),
        ("slot_wal_limit_mb", 1024, "warning"),
    ],
)
def test_numbers_out_of_bounds(number: str, value: int, level: str) -> None:
    found = of_database(replace(SOUND_DATABASE, numbers={**SOUND_DATABASE.numbers, number: value}))
    assert [finding.level for finding in found] == [level]


@pytest.mark.parametrize("timeout", [0, 10_000, 300_000])
def test_sender_timeouts_that_dms_can_live_with(timeout: int) -> None:
    numbers = {**SOUND_DATABASE.numbers, "wal_sender_timeout_ms": timeout}
    assert of_database(replace(SOUND_DATABASE, numbers=numbers)) == []


@pytest.mark.parametrize(
    "key",
    [
        "without_primary_key",
        "identity_nothing",
        "unlogged",
        "replica_triggers",
        "other_databases",
        "prepared_transactions",
        "superusers_writing",
        "subscriptions",
    ],
)
def test_lists_that_block(key: str) -> None:
    found = of_database(replace(SOUND_DATABASE, lists={**SOUND_DATABASE.lists, key: ["public.orders"]}))
    assert [(finding.level, finding.subject) for finding in found] == [("blocker", "public.orders")]


@pytest.mark.parametrize(
    "key",
    [
        "long_transactions",
        "cached_sequences",
        "identity_always",
        "generated_columns",
        "materialized_views",
        "foreign_tables",
        "extensions",
        "foreign_slots",
        "owned_by_application",
        "truncatable",
    ],
)
def test_lists_that_warn(key: str) -> None:
    found = of_database(replace(SOUND_DATABASE, lists={**SOUND_DATABASE.lists, key: ["x"]}))
    assert [finding.level for finding in found] == ["warning"]


def test_long_lists_are_cut() -> None:
    names = [f"t{number}" for number in range(9)]
    found = of_database(replace(SOUND_DATABASE, lists={**SOUND_DATABASE.lists, "unlogged": names}))
    assert found[0].subject == "t0, t1, t2, t3, t4 and 4 more"


def test_an_application_that_is_master_cannot_be_fenced() -> None:
    assert "is both the master user and the application's" in of_database(SOUND_DATABASE, "admin")[0].message


def test_an_application_role_that_cannot_log_in_is_told() -> None:
    assert "cannot log in to the source" in of_database(SOUND_DATABASE, "nobody")[0].message


def test_a_login_that_fails_blocks() -> None:
    assert assess_login("orders_app", "arn:secret", None) == []
    said = sentence(assess_login("orders_app", "arn:secret", "db refused: role is not permitted to log in"))
    assert said == (
        "User orders_app cannot log in (db refused: role is not permitted to log in):"
        " correct the secret arn:secret or the role."
    )


HOST = "orders-db.x.rds.amazonaws.com"


def record(**changes: object) -> dict[str, object]:
    return {"Name": "w.x.", "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": HOST}], **changes}


def test_one_simple_alias_of_the_source_is_right() -> None:
    assert assess_record("w.x", [record()], HOST) == []
    assert assess_record("w.x", [record(ResourceRecords=[{"Value": HOST.upper() + "."}])], HOST) == []


@pytest.mark.parametrize(
    ("records", "said"),
    [
        ([], "no record"),
        ([record(ResourceRecords=[{"Value": "other"}])], "CNAME other"),
        ([record(SetIdentifier="crossfade-source", Weight=100)], f"CNAME {HOST}"),
        ([record(Type="A", ResourceRecords=[{"Value": "10.0.0.1"}])], "A record"),
    ],
)
def test_other_records_block(records: list[dict[str, object]], said: str) -> None:
    (finding,) = assess_record("w.x", records, HOST)
    assert finding.level == "blocker"
    assert said in finding.message
