"""What DMS is told."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migration.task_settings import (
    LOB_LIMIT_KIB,
    lob_max_kib,
    source_endpoint_settings,
    table_mappings,
    target_endpoint_settings,
    task_settings,
)
from rehearsal.account.dms.mappings import parse_mappings
from rehearsal.account.dms.settings import parse_settings


def test_schemas_are_named_roots_left_out_and_the_marker_added() -> None:
    mappings = parse_mappings(table_mappings({"sales", "stock"}, [("sales", "event_log")]))
    assert mappings.selects("sales", "orders")
    assert mappings.selects("stock", "item")
    assert mappings.selects("crossfade", "marker")
    assert not mappings.selects("crossfade", "gate")
    assert not mappings.selects("sales", "event_log")
    assert not mappings.selects("audit", "orders")


NAMES = st.text(st.characters(codec="ascii", categories=("L", "N")) | st.sampled_from("_%"), min_size=1, max_size=8)


@given(st.sets(NAMES, min_size=1, max_size=4), NAMES, NAMES)
def test_wildcards_in_names_are_only_letters(schemas: set[str], root: str, other: str) -> None:
    schema = min(schemas)
    mappings = parse_mappings(table_mappings(schemas, [(schema, root)]))
    assert not mappings.selects(schema, root)
    assert mappings.selects(schema, other) is (other != root and not other.startswith("awsdms_"))
    assert mappings.selects(other, "t") is (other in schemas and (other, "t") != (schema, root))


def settings() -> dict[str, Any]:
    parsed: dict[str, Any] = json.loads(task_settings(64))
    return parsed


def test_settings_are_those_dms_takes() -> None:
    taken = parse_settings(task_settings(128))
    assert (taken.prep_mode, taken.lob_limit_bytes, taken.control_schema) == ("DO_NOTHING", 128 * 1024, "crossfade")


def test_nothing_that_dms_cannot_apply_is_passed_over() -> None:
    policies = {key: value for key, value in settings()["ErrorBehavior"].items() if key.endswith("Policy")}
    assert set(policies.values()) == {"STOP_TASK"}


def test_batches_while_catching_up_and_a_log() -> None:
    assert settings()["TargetMetadata"]["BatchApplyEnabled"] is True
    assert settings()["Logging"]["EnableLogging"] is True


@pytest.mark.parametrize(("largest", "limit"), [(0, 64), (10_000, 64), (20_000, 128), (1 << 30, LOB_LIMIT_KIB)])
def test_room_for_values_that_grow(largest: int, limit: int) -> None:
    assert lob_max_kib(largest) == limit


@given(st.integers(0, 25 << 20))
def test_the_limit_is_above_the_largest_value(largest: int) -> None:
    assert largest * 4 <= lob_max_kib(largest) * 1024


def test_endpoints_log_in_through_secrets_only() -> None:
    for made in (source_endpoint_settings, target_endpoint_settings):
        endpoint = made("arn:secret", "arn:role", "orders")
        assert endpoint["SecretsManagerSecretId"] == "arn:secret"
        assert not {"Username", "Password"} & set(endpoint)


def test_the_source_beats_and_the_target_fires_no_trigger() -> None:
    assert source_endpoint_settings("s", "r", "d")["HeartbeatEnable"] is True
    assert target_endpoint_settings("s", "r", "d")["AfterConnectScript"] == "SET session_replication_role='replica'"
