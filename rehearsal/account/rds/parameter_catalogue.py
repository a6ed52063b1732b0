"""The parameters of a PostgreSQL parameter group family, a selection: the ones a migration reads or sets."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameter:
    """One row of DescribeDBParameters. `of_cluster`: on Aurora it stands in the cluster parameter group."""

    name: str
    default: str | None
    apply_type: str
    data_type: str
    allowed: str | None = None
    modifiable: bool = True
    of_cluster: bool = False


def _static(name: str, default: str | None, kind: str = "integer", allowed: str | None = None) -> Parameter:
    return Parameter(name, default, "static", kind, allowed)


def _dynamic(name: str, default: str | None, kind: str = "integer", allowed: str | None = None) -> Parameter:
    return Parameter(name, default, "dynamic", kind, allowed)


def _cluster(parameter: Parameter) -> Parameter:
    return Parameter(**{**vars(parameter), "of_cluster": True})


_ALL = (
    _cluster(_static("rds.logical_replication", "0", "boolean", "0,1")),
    _cluster(_dynamic("rds.force_ssl", "1", "boolean", "0,1")),
    _cluster(_static("max_replication_slots", "20", allowed="5-8388607")),
    _cluster(_static("max_wal_senders", "20", allowed="5-8388607")),
    _cluster(_static("max_worker_processes", "16", allowed="8-262143")),
    _cluster(_static("max_logical_replication_workers", "8", allowed="0-262143")),
    _cluster(_dynamic("max_sync_workers_per_subscription", "4", allowed="0-262143")),
    _cluster(_static("max_prepared_transactions", "0", allowed="0-8388607")),
    _cluster(_static("max_locks_per_transaction", "64", allowed="10-2147483640")),
    _cluster(_dynamic("wal_sender_timeout", "30000", allowed="0-3600000")),
    _cluster(_dynamic("wal_receiver_timeout", "30000", allowed="0-3600000")),
    _cluster(_dynamic("max_slot_wal_keep_size", "-1", allowed="-1-2147483647")),
    _cluster(_dynamic("timezone", "UTC", "string")),
    _cluster(_dynamic("default_transaction_read_only", "0", "boolean", "0,1")),
    _cluster(_dynamic("synchronous_commit", "on", "string", "local,on,off,remote_write")),
    _cluster(_dynamic("session_replication_role", "origin", "string", "origin,replica,local")),
    _static("max_connections", "LEAST({DBInstanceClassMemory/9531392},5000)", allowed="6-262143"),
    _static("shared_preload_libraries", "pg_stat_statements", "list"),
    _static("shared_buffers", "{DBInstanceClassMemory/32768}", allowed="16-1073741823"),
    _static("track_activity_query_size", "4096", allowed="100-1048576"),
    _static("hot_standby", None, "boolean", "0,1"),
    _dynamic("effective_cache_size", "{DBInstanceClassMemory/16384}", allowed="1-2147483647"),
    _dynamic("work_mem", None, allowed="64-2147483647"),
    _dynamic("maintenance_work_mem", None, allowed="1024-2147483647"),
    _dynamic("statement_timeout", None, allowed="0-2147483647"),
    _dynamic("lock_timeout", None, allowed="0-2147483647"),
    _dynamic("idle_in_transaction_session_timeout", "86400000", allowed="0-2147483647"),
    _dynamic("log_min_duration_statement", None, allowed="-1-2147483647"),
    _dynamic("log_statement", None, "string", "none,ddl,mod,all"),
    _dynamic("log_connections", None, "boolean", "0,1"),
    _dynamic("log_disconnections", None, "boolean", "0,1"),
    _dynamic("random_page_cost", None, "float", "0-1.79769e+308"),
    _dynamic("default_statistics_target", None, allowed="1-10000"),
    _dynamic("hot_standby_feedback", None, "boolean", "0,1"),
    _dynamic("max_standby_streaming_delay", None, allowed="-1-2147483647"),
    _dynamic("autovacuum", "1", "boolean", "0,1"),
    _dynamic("autovacuum_max_workers", None, allowed="1-262143"),
    Parameter("wal_level", None, "static", "string", modifiable=False),
    Parameter("fsync", "1", "dynamic", "boolean", "0,1", modifiable=False),
    Parameter("full_page_writes", "1", "dynamic", "boolean", "0,1", modifiable=False),
    Parameter("port", "{EndPointPort}", "static", "integer", modifiable=False),
)


def of_family(family: str, *, of_cluster: bool) -> dict[str, Parameter]:
    """The parameters that a group of this family holds.

    A postgres instance group holds all; on Aurora the cluster group holds all too, as AWS's does, and the instance
    group only those that may differ from instance to instance.
    """
    whole = of_cluster or not family.startswith("aurora-")
    return {one.name: one for one in _ALL if whole or not one.of_cluster}
