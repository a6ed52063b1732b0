"""Where a wrong product visibly diverges or fails, as it would with AWS's DMS."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.servers.postgres import Server
from tests.integration.dms_support import REPLICA, Lab, await_true, new_lab, running_servers

SCHEMA = """
CREATE TABLE app.parent (id int PRIMARY KEY, name text);
CREATE TABLE app.child (id int PRIMARY KEY, parent_id int NOT NULL REFERENCES app.parent ON DELETE CASCADE);
CREATE TABLE app.keyless (id int, name text);
CREATE TABLE app.audit (id bigserial PRIMARY KEY, said text);
CREATE FUNCTION app.tell() RETURNS trigger LANGUAGE plpgsql AS
    'BEGIN INSERT INTO app.audit (said) VALUES (TG_OP); RETURN NEW; END';
CREATE TRIGGER tell AFTER INSERT ON app.parent FOR EACH ROW EXECUTE FUNCTION app.tell();
"""
PARENTS_ONLY = json.dumps(
    {
        "rules": [
            {
                "rule-type": "selection",
                "rule-id": "1",
                "rule-name": "1",
                "rule-action": "include",
                "object-locator": {"schema-name": "app", "table-name": "parent"},
            }
        ]
    }
)


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with running_servers() as pair:
        yield pair


@pytest.fixture
def lab(servers: tuple[Server, Server]) -> Iterator[Lab]:
    with new_lab(servers) as made:
        made.on_both(SCHEMA)
        made.on_source("INSERT INTO app.parent SELECT g, 'p' || g FROM generate_series(1, 10) g")
        made.on_source("INSERT INTO app.child SELECT g, g FROM generate_series(1, 10) g")
        made.on_source("INSERT INTO app.keyless SELECT g, 'k' || g FROM generate_series(1, 10) g")
        yield made


def _follow(lab: Lab, **task: Any) -> str:
    arn = lab.task(**task)
    lab.start(arn)
    lab.await_status(arn, "running")
    lab.await_loaded(arn)
    return arn


def _settings(**sections: dict[str, Any]) -> str:
    return json.dumps(sections)


def _count(lab: Lab, table: str) -> int:
    return int(lab.on_target(f"SELECT count(*) FROM app.{table}")[0][0])


def test_updates_of_a_table_without_key_are_lost_and_do_not_hurt_the_source(lab: Lab) -> None:
    _follow(lab)
    lab.on_source("UPDATE app.keyless SET name = 'changed'")
    lab.on_source("DELETE FROM app.keyless WHERE id = 1")
    lab.on_source("INSERT INTO app.keyless VALUES (11, 'new')")
    await_true(lambda: _count(lab, "keyless") == 11)
    assert lab.on_target("SELECT count(*) FROM app.keyless WHERE name = 'changed'") == [[0]]


def test_truncate_and_sequences_are_not_carried(lab: Lab) -> None:
    _follow(lab)
    lab.on_source("TRUNCATE app.child")
    lab.on_source("INSERT INTO app.parent VALUES (11, 'after')")
    await_true(lambda: _count(lab, "parent") == 11)
    assert _count(lab, "child") == 10
    assert lab.on_target("SELECT last_value FROM app.audit_id_seq") == [[1]]


def test_triggers_and_foreign_keys_stay_silent_with_the_replica_script(lab: Lab) -> None:
    _follow(lab)
    lab.on_source("INSERT INTO app.parent VALUES (11, 'live')")
    await_true(lambda: _count(lab, "audit") == _count(lab, "parent") == 11)


def test_triggers_fire_on_replicated_rows_without_the_script(lab: Lab) -> None:
    arn = _follow(lab, script=None, TableMappings=PARENTS_ONLY)
    assert _count(lab, "audit") == 10
    lab.on_source("INSERT INTO app.parent VALUES (11, 'live')")
    await_true(lambda: _count(lab, "parent") == 11)
    assert _count(lab, "audit") == 11
    lab.call("StopReplicationTask", ReplicationTaskArn=arn)
    lab.await_status(arn, "stopped")
    assert lab.on_target("SELECT DISTINCT tgenabled FROM pg_trigger") == [["O"]]


def test_rows_already_there_make_a_table_error_and_the_rest_goes_on(lab: Lab) -> None:
    lab.on_target(f"{REPLICA}; INSERT INTO app.parent VALUES (10, 'left over'); RESET session_replication_role")
    arn = _follow(lab)
    tables = lab.tables(arn)
    assert {name: row["TableState"] for name, row in tables.items()} == {
        "audit": "Table completed",
        "child": "Table completed",
        "keyless": "Table completed",
        "parent": "Table error",
    }
    stats = lab.described(arn)["ReplicationTaskStats"]
    assert (stats["TablesErrored"], stats["TablesLoaded"], stats["FullLoadProgressPercent"]) == (1, 3, 100)
    lab.on_source("INSERT INTO app.parent VALUES (11, 'live')")
    lab.on_source("INSERT INTO app.child VALUES (11, 11)")
    await_true(lambda: _count(lab, "child") == 11)
    assert _count(lab, "parent") == 1


def test_table_error_policy_stop_task_fails_the_task(lab: Lab) -> None:
    lab.on_target("INSERT INTO app.parent VALUES (10, 'left over')")
    arn = lab.task(ReplicationTaskSettings=_settings(ErrorBehavior={"TableErrorPolicy": "STOP_TASK"}))
    lab.start(arn)
    failed = lab.await_status(arn, "failed")
    assert "duplicate key" in failed["LastFailureMessage"]
    assert failed["StopReason"] == "Stop Reason FATAL_ERROR"
    assert lab.platform.events[-1][1]["eventType"] == "REPLICATION_TASK_FAILED"


def test_apply_error_policy_stop_task_fails_the_task_on_a_conflict(lab: Lab) -> None:
    policies = {"ApplyErrorInsertPolicy": "STOP_TASK", "ApplyErrorUpdatePolicy": "STOP_TASK"}
    arn = _follow(lab, ReplicationTaskSettings=_settings(ErrorBehavior=policies))
    lab.on_target("INSERT INTO app.child VALUES (50, 1)")
    await_true(lambda: any(name == "CDCThroughputRowsTarget" for name, _, _ in lab.platform.metrics))
    lab.on_source("INSERT INTO app.child VALUES (50, 2)")
    assert "ApplyErrorInsertPolicy" in lab.await_status(arn, "failed")["LastFailureMessage"]


def test_an_identity_generated_always_cannot_be_fed(lab: Lab) -> None:
    lab.on_both("CREATE TABLE app.strict (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY)")
    assert lab.tables(_follow(lab))["strict"]["TableState"] == "Table error"


def test_large_values_are_cut_at_lob_max_size(lab: Lab) -> None:
    lab.on_source("UPDATE app.parent SET name = repeat('x', 5000) WHERE id = 1")
    _follow(lab, ReplicationTaskSettings=_settings(TargetMetadata={"LobMaxSize": 2}))
    assert lab.on_target("SELECT length(name) FROM app.parent WHERE id = 1") == [[2048]]


def test_large_values_fail_the_task_when_the_endpoint_says_so(lab: Lab) -> None:
    lab.on_source("UPDATE app.parent SET name = repeat('x', 5000) WHERE id = 1")
    settings = _settings(TargetMetadata={"LobMaxSize": 2})
    arn = lab.task(source={"FailTasksOnLobTruncation": True}, ReplicationTaskSettings=settings)
    lab.start(arn)
    assert "LobMaxSize" in lab.await_status(arn, "failed")["LastFailureMessage"]


@pytest.mark.parametrize("mode", ["TRUNCATE_BEFORE_LOAD", "DROP_AND_CREATE"])
def test_preparation_of_tables_that_are_not_empty(lab: Lab, mode: str) -> None:
    lab.on_both("CREATE TABLE app.solo (id int PRIMARY KEY, b int DEFAULT 7); CREATE INDEX solo_b ON app.solo (b)")
    lab.on_source("INSERT INTO app.solo SELECT generate_series(1, 5)")
    lab.on_target("INSERT INTO app.solo SELECT generate_series(3, 9)")
    _follow(lab, ReplicationTaskSettings=_settings(FullLoadSettings={"TargetTablePrepMode": mode}))
    lab.on_source("UPDATE app.solo SET b = 8 WHERE id = 1")
    await_true(lambda: lab.on_target("SELECT id FROM app.solo WHERE b = 8") == [[1]])
    assert _count(lab, "solo") == 5
    indexes = lab.on_target("SELECT count(*) FROM pg_indexes WHERE tablename = 'solo'")
    assert indexes == [[2 if mode == "TRUNCATE_BEFORE_LOAD" else 1]]


def test_reload_target_starts_afresh(lab: Lab) -> None:
    settings = _settings(FullLoadSettings={"TargetTablePrepMode": "TRUNCATE_BEFORE_LOAD"})
    lab.on_both("DROP TABLE app.child; DROP TRIGGER tell ON app.parent")
    arn = _follow(lab, ReplicationTaskSettings=settings)
    lab.call("StopReplicationTask", ReplicationTaskArn=arn)
    lab.await_status(arn, "stopped")
    lab.on_target("DELETE FROM app.parent WHERE id < 5")
    lab.start(arn, "reload-target")
    lab.await_status(arn, "running")
    await_true(lambda: _count(lab, "parent") == 10)
    assert lab.on_source("SELECT count(*) FROM pg_replication_slots") == [[1]]


def test_full_load_only_stops_by_itself(lab: Lab) -> None:
    arn = lab.task(MigrationType="full-load")
    lab.start(arn)
    assert lab.await_status(arn, "stopped")["StopReason"] == "Stop Reason FULL_LOAD_ONLY_FINISHED"
    assert _count(lab, "child") == 10
    assert lab.on_source("SELECT count(*) FROM pg_replication_slots") == [[0]]


def test_change_capture_only_starts_at_an_existing_slot(lab: Lab) -> None:
    lab.on_target("INSERT INTO app.parent SELECT g, 'p' || g FROM generate_series(1, 10) g")
    arn = lab.task(source={"SlotName": "mine"}, MigrationType="cdc", TableMappings=PARENTS_ONLY)
    lab.on_source("SELECT pg_create_logical_replication_slot('mine', 'test_decoding')")
    lab.on_source("INSERT INTO app.parent VALUES (11, 'after the slot')")
    lab.start(arn)
    await_true(lambda: _count(lab, "parent") == 11)
    assert lab.on_source("SELECT slot_name, active FROM pg_replication_slots") == [["mine", True]]


def test_a_fenced_target_refuses_dms_unless_its_script_says_otherwise(lab: Lab) -> None:
    lab.on_target(f"ALTER DATABASE {lab.database} SET default_transaction_read_only = on")
    arn = lab.task()
    lab.start(arn)
    assert "read-only" in lab.await_status(arn, "failed")["LastFailureMessage"]
    endpoint = lab.described(arn)["TargetEndpointArn"]
    script = f"{REPLICA}; SET default_transaction_read_only = off"
    lab.call("ModifyEndpoint", EndpointArn=endpoint, PostgreSQLSettings={"AfterConnectScript": script})
    lab.test_connection(lab.described(arn)["ReplicationInstanceArn"], endpoint)
    lab.start(arn, "resume-processing")
    lab.await_status(arn, "running")
    lab.on_source("INSERT INTO app.parent VALUES (11, 'live')")
    await_true(lambda: _count(lab, "parent") == 11)


def test_heartbeats_and_control_tables_are_made_by_the_endpoints_users(lab: Lab) -> None:
    _follow(lab, source={"HeartbeatEnable": True, "HeartbeatFrequency": 1, "CaptureDdls": True})
    await_true(lambda: bool(lab.on_source("SELECT FROM awsdms_heartbeat")))
    assert lab.on_source("SELECT count(*) FROM awsdms_ddl_audit") == [[0]]
    assert lab.on_target("SELECT count(*) FROM awsdms_apply_exceptions") == [[0]]


def test_a_source_user_without_replication_is_refused(lab: Lab) -> None:
    lab.source.run("CREATE ROLE reader LOGIN PASSWORD 'reader'; GRANT pg_read_all_data TO reader")
    lab.platform.secrets["source-secret"].update(username="reader", password="reader")
    arn = lab.task()
    lab.start(arn)
    assert "rds_replication" in lab.await_status(arn, "failed")["LastFailureMessage"]
    lab.source.run("DROP ROLE reader")


def test_a_mapping_that_matches_nothing_fails_the_task(lab: Lab) -> None:
    arn = lab.task(TableMappings=PARENTS_ONLY.replace("parent", "nobody"))
    lab.start(arn)
    assert "No tables were found" in lab.await_status(arn, "failed")["LastFailureMessage"]


def test_validation_tells_equal_from_unequal_tables(lab: Lab) -> None:
    arn = _follow(lab, ReplicationTaskSettings=_settings(ValidationSettings={"EnableValidation": True}))

    def states() -> dict[str, str]:
        return {name: str(row["ValidationState"]) for name, row in lab.tables(arn).items()}

    await_true(lambda: states()["parent"] == "Validated")
    lab.on_target("UPDATE app.child SET parent_id = 2 WHERE id = 1")
    await_true(lambda: states()["child"] == "Mismatched records")
    assert states()["keyless"] == "No primary key"
