"""What a migration adds to the source database, and how it goes away. SQL on a session of the source's master user."""

from __future__ import annotations

from collections.abc import Sequence

from migration.access import Session
from migration.identifiers import quoted, text_literal
from migration.names import SCHEMA

_SCHEMA = (
    f"CREATE SCHEMA IF NOT EXISTS {SCHEMA};"
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.marker"
    " (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp());"
    f"CREATE TABLE IF NOT EXISTS {SCHEMA}.canary"
    " (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT clock_timestamp())"
)
_ROLE_EXISTS = "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = :role)"
_GROUPS = ("rds_replication", "pg_read_all_data")
# A slot belongs to nobody, but who reads it can be seen.
_SLOTS_READ_BY = (
    "SELECT s.slot_name FROM pg_replication_slots s JOIN pg_stat_activity a ON a.pid = s.active_pid"
    " WHERE a.usename = :role AND s.database = current_database() ORDER BY 1"
)
_SLOTS_NAMED = (
    "SELECT slot_name FROM pg_replication_slots"
    " WHERE starts_with(slot_name, :beginning) AND database = current_database() ORDER BY 1"
)
_DROP_SLOT = (
    "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = :slot AND NOT active"
)


def prepare(session: Session, role: str, password_verifier: str) -> None:
    """Makes schema, marker and canary tables and the role that DMS reads with, in one transaction; idempotent.

    The role may read all tables and keep a heartbeat in our schema. Its password is a SCRAM verifier, never clear text.
    """
    name = quoted(role)
    verb = "ALTER" if session.value(_ROLE_EXISTS, role=role) else "CREATE"
    with session.transaction():
        session.execute(_SCHEMA)
        session.execute(f"{verb} ROLE {name} LOGIN PASSWORD {text_literal(password_verifier)}")
        for group in _GROUPS:
            session.execute(f"GRANT {quoted(group)} TO {name}")
        session.execute(f"GRANT USAGE, CREATE ON SCHEMA {SCHEMA} TO {name}")
        session.execute(f"GRANT SELECT ON {SCHEMA}.marker, {SCHEMA}.canary TO {name}")


def allow_reverse_writes(session: Session, role: str) -> None:
    """DMS's role may write here too, with triggers off, and while the fence makes the database read-only; idempotent.

    A role's own setting outranks the database's (PostgreSQL, "ALTER ROLE"). Both go away with the role.
    """
    session.execute(f"GRANT rds_superuser TO {quoted(role)}")
    session.execute(f"ALTER ROLE {quoted(role)} SET default_transaction_read_only = off")


def slots_read_by(session: Session, role: str) -> list[str]:
    """Names of the replication slots that a session of `role` reads now."""
    return [str(row[0]) for row in session.rows(_SLOTS_READ_BY, role=role)]


def slots_named(session: Session, beginning: str) -> list[str]:
    """Names of the replication slots of this database that begin so."""
    return [str(row[0]) for row in session.rows(_SLOTS_NAMED, beginning=beginning)]


def drop_slots(session: Session, slots: Sequence[str]) -> list[str]:
    """Drops those of `slots` that nobody reads; returns those still there."""
    for slot in slots:
        session.rows(_DROP_SLOT, slot=slot)
    return [
        str(row[0])
        for slot in slots
        for row in session.rows("SELECT slot_name FROM pg_replication_slots WHERE slot_name = :slot", slot=slot)
    ]


def undo(session: Session, role: str) -> None:
    """Removes role and schema and ends the role's sessions; idempotent."""
    session.rows("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = :role", role=role)
    session.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    session.execute(f"DROP ROLE IF EXISTS {quoted(role)}")
