"""What the assessment asks a PostgreSQL source: catalog and settings only, never a row of the application's."""
# ruff: noqa: S608  (every statement is made of constants)

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from migration.access import Session
from migration.names import SCHEMA

# Schemas of PostgreSQL, of RDS and of this tool hold no application data.
USER_SCHEMAS = (
    "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'rdsadmin', 'aws_commons', 'aws_s3', 'aws_lambda',"
    f" '{SCHEMA}')"
)
# Objects of an extension are that extension's business (its tables come with the snapshot).
NOT_IN_EXTENSION = (
    "NOT EXISTS (SELECT FROM pg_depend e"
    " WHERE e.classid = 'pg_class'::regclass AND e.objid = c.oid AND e.deptype = 'e')"
)
_FROM = f"FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS} AND {NOT_IN_EXTENSION}"
_NAME = "n.nspname || '.' || c.relname"
LISTS = {
    "without_primary_key": (
        f"SELECT {_NAME} {_FROM} AND c.relkind IN ('r', 'p') AND c.relpersistence <> 't'"
        " AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = c.oid AND i.indisprimary AND i.indisvalid)"
        " ORDER BY 1"
    ),
    "identity_nothing": f"SELECT {_NAME} {_FROM} AND c.relkind = 'r' AND c.relreplident = 'n' ORDER BY 1",
    "unlogged": f"SELECT {_NAME} {_FROM} AND c.relkind = 'r' AND c.relpersistence = 'u' ORDER BY 1",
    "materialized_views": f"SELECT {_NAME} {_FROM} AND c.relkind = 'm' ORDER BY 1",
    "foreign_tables": f"SELECT {_NAME} {_FROM} AND c.relkind = 'f' ORDER BY 1",
    "cached_sequences": (
        f"SELECT {_NAME} FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_sequence s"
        f" ON s.seqrelid = c.oid WHERE {USER_SCHEMAS} AND s.seqcache > 1 ORDER BY 1"
    ),
    "identity_always": (
        f"SELECT {_NAME} || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS} AND c.relkind IN ('r', 'p')"
        " AND NOT c.relispartition AND a.attidentity = 'a' AND NOT a.attisdropped ORDER BY 1"
    ),
    "generated_columns": (
        f"SELECT {_NAME} || '.' || a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS} AND c.relkind IN ('r', 'p')"
        " AND NOT c.relispartition AND a.attgenerated <> '' AND NOT a.attisdropped ORDER BY 1"
    ),
    "replica_triggers": (
        f"SELECT {_NAME} || '.' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
        f" JOIN pg_namespace n ON n.oid = c.relnamespace WHERE {USER_SCHEMAS}"
        " AND NOT t.tgisinternal AND t.tgenabled IN ('A', 'R') ORDER BY 1"
    ),
    "extensions": "SELECT extname || ' ' || extversion FROM pg_extension WHERE extname <> 'plpgsql' ORDER BY 1",
    "other_databases": (
        "SELECT datname FROM pg_database WHERE NOT datistemplate AND datallowconn"
        " AND datname NOT IN ('rdsadmin', 'postgres', current_database()) ORDER BY 1"
    ),
    "foreign_slots": (
        "SELECT slot_name FROM pg_replication_slots WHERE slot_type = 'logical' AND database = current_database()"
        " ORDER BY 1"
    ),
    "subscriptions": "SELECT subname FROM pg_stat_subscription WHERE subname IS NOT NULL GROUP BY 1 ORDER BY 1",
    "prepared_transactions": "SELECT gid FROM pg_prepared_xacts WHERE database = current_database() ORDER BY 1",
    "long_transactions": (
        "SELECT pid || ' (' || coalesce(usename, '?') || ', '"
        " || (extract(epoch FROM now() - xact_start) / 60)::int || ' min)' FROM pg_stat_activity"
        " WHERE datname = current_database() AND xact_start < now() - interval '5 minutes' AND pid <> pg_backend_pid()"
        " ORDER BY 1"
    ),
    "owned_by_application": (
        f"SELECT {_NAME} {_FROM} AND c.relkind IN ('r', 'p') AND pg_get_userbyid(c.relowner) = :application ORDER BY 1"
    ),
    "truncatable": (
        f"SELECT {_NAME} {_FROM} AND c.relkind IN ('r', 'p') AND NOT c.relispartition AND EXISTS ("
        "SELECT FROM pg_roles r WHERE r.rolname = :application AND has_table_privilege(r.oid, c.oid, 'TRUNCATE'))"
        " ORDER BY 1"
    ),
    "application_roles": (
        "SELECT r.rolname FROM pg_roles r WHERE r.rolcanlogin AND NOT r.rolsuper AND r.rolname <> current_user"
        " AND r.rolname !~ '^(pg_|rds)' AND r.rolname !~ '^crossfade_dms_' AND (r.rolname = :application OR EXISTS ("
        f"SELECT {_FROM} AND c.relkind IN ('r', 'p')"
        " AND has_table_privilege(r.oid, c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE'))) ORDER BY 1"
    ),
    "table_owners": (
        f"SELECT DISTINCT pg_get_userbyid(c.relowner)::text {_FROM} AND c.relkind IN ('r', 'p')"
        " AND pg_get_userbyid(c.relowner) <> current_user ORDER BY 1"
    ),
    "superusers_writing": (
        "SELECT DISTINCT usename::text FROM pg_stat_activity a JOIN pg_roles r ON r.rolname = a.usename"
        " WHERE r.rolsuper AND a.datname = current_database() AND r.rolname NOT LIKE 'rds%' ORDER BY 1"
    ),
}
_NUMBERS = {
    "large_objects": "SELECT count(*) FROM pg_largeobject_metadata",
    "free_slots": (
        "SELECT current_setting('max_replication_slots')::int - (SELECT count(*) FROM pg_replication_slots)::int"
    ),
    "free_senders": "SELECT current_setting('max_wal_senders')::int - (SELECT count(*) FROM pg_stat_replication)::int",
    "wal_sender_timeout_ms": "SELECT setting::bigint FROM pg_settings WHERE name = 'wal_sender_timeout'",
    "slot_wal_limit_mb": "SELECT setting::bigint FROM pg_settings WHERE name = 'max_slot_wal_keep_size'",
}
# Since PostgreSQL 16 CREATEROLE alone no longer lets the master user alter a role; ADMIN OPTION on it does.
_NOT_ADMINISTERED = """
    SELECT r.rolname FROM pg_roles r WHERE r.rolname = ANY(string_to_array(:roles, chr(10)))
       AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
       AND CASE WHEN current_setting('server_version_num')::int < 160000
           THEN NOT (SELECT rolcreaterole FROM pg_roles WHERE rolname = current_user)
           ELSE NOT pg_has_role(current_user, r.oid, 'MEMBER WITH ADMIN OPTION') END
     ORDER BY 1"""


@dataclass(frozen=True)
class DatabaseFacts:
    """What was found. `lists` by the keys of LISTS (`schema.table` names), `numbers` by those of the counts."""

    lists: dict[str, list[str]]
    numbers: dict[str, int]
    wal_level: str
    roles_not_administered: list[str]
    schema_exists: bool


def read_facts(session: Session, application_user: str) -> DatabaseFacts:
    """Asks everything, as the master user. Changes nothing."""
    lists = {key: _names(session, sql, application_user) for key, sql in LISTS.items()}
    numbers = {key: int(session.value(sql) or 0) for key, sql in _NUMBERS.items()}
    roles = "\n".join(sorted({*lists["application_roles"], *lists["table_owners"]}))
    return DatabaseFacts(
        lists=lists,
        numbers=numbers,
        wal_level=str(session.value("SHOW wal_level")),
        roles_not_administered=[str(row[0]) for row in session.rows(_NOT_ADMINISTERED, roles=roles)],
        schema_exists=bool(session.value("SELECT to_regnamespace(:schema) IS NOT NULL", schema=SCHEMA)),
    )


def _names(session: Session, sql: str, application_user: str) -> list[str]:
    parameters: dict[str, Any] = {"application": application_user} if ":application" in sql else {}
    return [str(row[0]) for row in session.rows(sql, **parameters)]
