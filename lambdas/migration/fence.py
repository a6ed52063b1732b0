"""The fence: a side refuses the application. SQL on a session of that side's administrator.

A database default of read-only is no lock, because a session can set it back; NOLOGIN is, once no session is left
(AWS_RULES R5.3). Both come in one transaction, so a backend that passed the login check before it but reads the
database's settings after it is read-only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migration.access import Session
from migration.assessment_queries import LISTS
from migration.identifiers import quoted, text_literal

LONG_TRANSACTION_SECONDS = 2.0
RESERVED_ROLES = ("rdsadmin", "rdsrepladmin", "rdstopmgr")


def obstacles(session: Session, roles: Sequence[str], replication_role: str) -> list[str]:
    """What forbids a fence now: what it would cut (long transactions, DDL), what it would miss, roles that are gone."""
    found = [str(row[0]) for row in session.rows(_OBSTACLES, ours=[replication_role, *RESERVED_ROLES])]
    writers = [str(row[0]) for row in session.rows(LISTS["application_roles"], application="")]
    missed = [f"the role {role} can write since after the assessment" for role in writers if role not in roles]
    gone = session.rows("SELECT unnest(CAST(:roles AS text[])) EXCEPT SELECT rolname FROM pg_roles", roles=list(roles))
    dropped = [f"the role {row[0]} was dropped after the assessment; create it again, or abort" for row in gone]
    return found + missed + dropped


def open_transactions(session: Session) -> list[str]:
    """Transactions that have been writing for long, in any database of the server."""
    return [str(row[0]) for row in session.rows(_OPEN_TRANSACTIONS)]


def raise_fence(session: Session, database: str, roles: Sequence[str]) -> str:
    """New logins of `roles` are refused and new sessions are read-only; sessions that exist go on. Idempotent.

    Returns the server's time just after, as text that it reads back exactly.
    """
    changes = [f"ALTER DATABASE {quoted(database)} SET default_transaction_read_only = on"]
    changes += [f"ALTER ROLE {quoted(role)} NOLOGIN" for role in roles]
    return str(session.value(f"BEGIN; {'; '.join(changes)}; COMMIT; SELECT clock_timestamp()::text"))


def lift_fence(session: Session, database: str, roles: Sequence[str]) -> None:
    """Undoes `raise_fence`, for those of `roles` that still exist. Idempotent."""
    session.execute(f"DO {text_literal(f'BEGIN {lifting_statements(database, roles)}; END')}")


def lifting_statements(database: str, roles: Sequence[str]) -> str:
    """What `lift_fence` runs, in PL/pgSQL, for whoever has more to do in the same transaction."""
    return _LIFT.format(database=quoted(database), roles=", ".join(text_literal(role) for role in roles))


@dataclass(frozen=True)
class SessionEnder:
    """Ends sessions with one quick statement: what it has to look up was looked up before the stall."""

    database: int
    """Object id of the database."""
    theirs: str
    """Object ids of the fenced roles, with commas."""
    ours: str
    """Object ids of the roles whose sessions stay."""

    @classmethod
    def prepare(cls, session: Session, roles: Sequence[str], replication_role: str) -> SessionEnder:
        """For these fenced roles of the session's database."""
        database = session.value("SELECT oid FROM pg_database WHERE datname = current_database()")
        kept = [replication_role, *RESERVED_ROLES]
        return cls(int(database), _role_ids(session, roles), _role_ids(session, kept))

    def end(self, session: Session, fenced_at: str) -> tuple[int, int]:
        """Tells every session that could still write to end; (told to end, starting up). It is over when both are 0.

        Sessions of the fenced roles always, others when they began before `fenced_at` (the server's clock).
        """
        rows = session.rows(
            _END_SESSIONS.format(
                database=self.database, theirs=self.theirs, ours=self.ours, fenced_at=text_literal(fenced_at)
            )
        )
        return sum(1 for row in rows if row[0] == "session"), sum(1 for row in rows if row[0] == "starting")


def _role_ids(session: Session, roles: Sequence[str]) -> str:
    found = session.rows("SELECT oid FROM pg_roles WHERE rolname = ANY(:roles)", roles=list(roles))
    return ", ".join(str(row[0]) for row in found) or "0"


def application_sessions(session: Session, roles: Sequence[str]) -> int:
    """Sessions of these roles in this database; those in others, which no fence ends, can neither read nor write it."""
    return int(session.value(_APPLICATION_SESSIONS, roles=list(roles)))


_LIFT = """
ALTER DATABASE {database} RESET default_transaction_read_only;
DECLARE role name;
BEGIN
    FOR role IN SELECT rolname FROM pg_roles WHERE rolname = ANY (ARRAY[{roles}]::name[]) LOOP
        EXECUTE format('ALTER ROLE %I LOGIN', role);
    END LOOP;
END
"""
_APPLICATION_SESSIONS = (
    "SELECT count(*) FROM pg_stat_activity WHERE usename = ANY(:roles) AND datname = current_database()"
)
_OBSTACLES = f"""
SELECT format('a transaction of %s has been open for %s s (pid %s)', usename,
              round(extract(epoch FROM clock_timestamp() - xact_start)), pid)
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  AND usename <> ALL(:ours) AND xact_start < clock_timestamp() - interval '{LONG_TRANSACTION_SECONDS} seconds'
UNION ALL
SELECT format('the prepared transaction %s is neither committed nor rolled back', gid)
FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT format('DDL holds the lock on %s (pid %s)', relation::regclass, l.pid)
FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid AND a.backend_type = 'client backend'
WHERE l.locktype = 'relation' AND l.mode = 'AccessExclusiveLock' AND l.granted AND l.relation >= 16384
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""  # noqa: S608  (a constant)

_OPEN_TRANSACTIONS = f"""
SELECT format('a transaction of %s that writes has been open for %s s (pid %s)', usename,
              round(extract(epoch FROM clock_timestamp() - xact_start)), pid)
FROM pg_stat_activity
WHERE backend_xid IS NOT NULL AND pid <> pg_backend_pid()
  AND xact_start < clock_timestamp() - interval '{LONG_TRANSACTION_SECONDS} seconds'
UNION ALL
SELECT format('the prepared transaction %s is neither committed nor rolled back', gid) FROM pg_prepared_xacts
"""  # noqa: S608  (a constant)

# A backend that is starting up is not in pg_stat_activity yet, but holds a lock on its database from before it reads
# the database's settings until it is listed. The locks are read first: Append runs its parts in order.
_END_SESSIONS = """
SELECT 'starting', true FROM pg_lock_status()
WHERE locktype = 'object' AND classid = 'pg_database'::regclass AND objid = {database} AND mode = 'RowExclusiveLock'
  AND pid <> pg_backend_pid()
UNION ALL
SELECT 'session', pg_terminate_backend(pid) FROM pg_stat_get_activity(NULL)
WHERE datid = {database} AND pid <> pg_backend_pid()
  AND (usesysid IN ({theirs}) OR (backend_type = 'client backend' AND usesysid NOT IN ({ours})
       AND application_name <> 'crossfade' AND backend_start < {fenced_at}))
"""
