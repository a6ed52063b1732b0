"""The pure rules of the emulated RDS: versions, capacity, and which parameters wait for a reboot."""

from typing import Any

import pytest

from rehearsal.account.rds import clusters, events, service, versions
from rehearsal.account.rds.applied_parameters import AppliedParameters, server_settings
from rehearsal.account.rds.parameter_catalogue import of_family
from rehearsal.account.rds.versions import AURORA, POSTGRES, EngineVersion
from rehearsal.account.wire import Api, ApiError


def _accept(_: dict[str, Any]) -> dict[str, Any]:
    return {}


def test_versions_order_by_number() -> None:
    assert EngineVersion.parse("17.10") > EngineVersion.parse("17.9")
    assert str(versions.require(AURORA, "17")) == "17.7"


def test_a_postgres_version_upgrades_to_aurora_of_its_major_and_no_older_minor() -> None:
    answer = versions.describe_engine_versions({"Engine": POSTGRES, "EngineVersion": "17.6"})
    targets = {(one["Engine"], one["EngineVersion"]) for one in answer["DBEngineVersions"][0]["ValidUpgradeTarget"]}
    aurora = {version for engine, version in targets if engine == AURORA}
    assert aurora == {"17.6", "17.7"}
    assert (POSTGRES, "18.4") in targets


def test_serverless_is_offered_on_aurora_only() -> None:
    def classes(engine: str) -> set[str]:
        options = versions.describe_orderable_options({"Engine": engine})["OrderableDBInstanceOptions"]
        return {one["DBInstanceClass"] for one in options}

    assert versions.SERVERLESS in classes(AURORA)
    assert versions.SERVERLESS not in classes(POSTGRES)
    assert versions.serverless_limits(EngineVersion(14, 2)) is None
    assert versions.serverless_limits(EngineVersion(16, 2)) == (0.5, 256.0)


def test_an_absent_capacity_keeps_the_one_before_and_half_of_it_is_merged() -> None:
    version, before = EngineVersion(18, 4), {"MinCapacity": 1.0, "MaxCapacity": 8.0}
    assert clusters.capacity({}, version, before) == before
    raised = clusters.capacity({"ServerlessV2ScalingConfiguration": {"MaxCapacity": 16.0}}, version, before)
    assert raised == {"MinCapacity": 1.0, "MaxCapacity": 16.0}
    with pytest.raises(ApiError, match="must both be set"):
        clusters.capacity({"ServerlessV2ScalingConfiguration": {"MaxCapacity": 16.0}}, version)


def test_only_a_changed_value_waits_for_a_reboot() -> None:
    parameters = AppliedParameters({"max_wal_senders": "20"}, {"max_wal_senders": "20"})
    parameters.want({"max_wal_senders": "20"}, of_cluster=False)
    assert parameters.status == "in-sync"
    parameters.want({"max_wal_senders": "25"}, of_cluster=True)
    assert (parameters.status, parameters.cluster_status) == ("in-sync", "pending-reboot")
    assert parameters.running == {"max_wal_senders": "20"}
    parameters.rebooted()
    assert (parameters.cluster_status, parameters.running) == ("in-sync", {"max_wal_senders": "25"})


def test_server_settings_leave_out_what_only_rds_knows() -> None:
    settings = server_settings(
        {
            "rds.logical_replication": "1",
            "rds.force_ssl": "1",
            "max_connections": "LEAST({DBInstanceClassMemory/9531392},5000)",
            "shared_buffers": "1000000",
            "shared_preload_libraries": "pg_stat_statements,pgaudit",
            "work_mem": "4096",
        }
    )
    assert settings == {"work_mem": "4096", "shared_preload_libraries": "pg_stat_statements", "wal_level": "logical"}


def test_an_aurora_instance_group_lacks_what_the_cluster_decides() -> None:
    assert "rds.logical_replication" in of_family("aurora-postgresql18", of_cluster=True)
    assert "rds.logical_replication" not in of_family("aurora-postgresql18", of_cluster=False)
    assert "rds.logical_replication" in of_family("postgres18", of_cluster=False)


def test_every_operation_of_the_table_is_in_the_model() -> None:
    tables = (service._INSTANCE_OPERATIONS, service._CLUSTER_OPERATIONS, service._OTHER_OPERATIONS)
    Api("rds", {name: _accept for table in tables for name in table})
    groups = [pattern.format(kind) for pattern in service._GROUP_OPERATIONS for kind in ("DB", "DBCluster")]
    Api("rds", dict.fromkeys(groups, _accept))


def test_events_belong_to_known_sources() -> None:
    assert {source for source, _, _ in events._EVENTS.values()} <= set(events._SOURCES)
