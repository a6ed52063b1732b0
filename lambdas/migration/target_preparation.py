"""Turns a restored copy into an empty, closed target. SQL on a session of the target's master user."""
# ruff: noqa: S608  (made of constants and quoted names of the catalog)

from __future__ import annotations

from dataclasses import dataclass

from migration import identities
from migration.access import Session
from migration.assessment_queries import NOT_IN_EXTENSION, USER_SCHEMAS
from migration.identifiers import qualified, quoted, text_literal
from migration.names import SCHEMA

GUARD = "crossfade_guard"
_TABLES = f"""
    SELECT n.nspname, c.relname, c.relkind::text, c.relispartition, pg_get_userbyid(c.relowner)::text
      FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE {USER_SCHEMAS} AND {NOT_IN_EXTENSION} AND c.relkind IN ('r', 'p') ORDER BY 1, 2"""
_GATE = f"""
    CREATE TABLE {SCHEMA}.gate (
        id int PRIMARY KEY DEFAULT 1 CHECK (id = 1),
        state text NOT NULL CHECK (state IN ('closed', 'open', 'sealed')));
    INSERT INTO {SCHEMA}.gate (state) VALUES ('closed')"""


@dataclass(frozen=True)
class UserTable:
    """A table of the application. `kind` is `r` (plain or leaf) or `p` (partition root)."""

    schema: str
    name: str
    kind: str
    is_partition: bool
    owner: str

    @property
    def qualified(self) -> str:
        """Quoted `"schema"."name"`."""
        return qualified(self.schema, self.name)


def user_tables(session: Session) -> list[UserTable]:
    """Every table of the application, on either side."""
    return [UserTable(*row) for row in session.rows(_TABLES)]


def is_closed(session: Session) -> bool:
    """Whether the target has been emptied and closed; both happen in one transaction, so one answer covers both."""
    return bool(session.value("SELECT to_regclass('crossfade.gate') IS NOT NULL"))


def empty_and_close(session: Session, replication_role: str, migration_id: str) -> None:
    """Identities relaxed; in one transaction: all tables emptied by one TRUNCATE, gate made closed, guards set.

    Sequences keep their values. Run on a target that is_closed() says is not.
    """
    tables = user_tables(session)
    _become_owner(session, tables)
    identities.relax(session, identities.always_generated(session))
    with session.transaction():
        session.execute("SET LOCAL session_replication_role = 'replica'")  # no TRUNCATE trigger of the user fires
        emptied = ", ".join([f"{SCHEMA}.marker", *(table.qualified for table in tables)])
        session.execute(f"TRUNCATE {emptied}")
        session.execute(f"GRANT rds_superuser TO {quoted(replication_role)}")
        session.execute(_GATE)
        session.execute(_guard_function(migration_id))
        for table in tables:
            session.execute(
                f"CREATE TRIGGER {GUARD} BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON {table.qualified}"
                f" FOR EACH STATEMENT EXECUTE FUNCTION {SCHEMA}.guard()"
            )


def remove_guards(session: Session) -> None:
    """Takes the guards off again, each with a short lock; idempotent. Only after the gate is open."""
    for table in user_tables(session):
        session.execute(f"DROP TRIGGER IF EXISTS {GUARD} ON {table.qualified}")


def _become_owner(session: Session, tables: list[UserTable]) -> None:
    """TRUNCATE, triggers and ALTER TABLE need the owner; the assessment proved that we administer it."""
    me = str(session.value("SELECT current_user"))
    for owner in sorted({table.owner for table in tables} - {me}):
        if not session.value("SELECT pg_has_role(:owner, 'USAGE')", owner=owner):
            session.execute(f"GRANT {quoted(owner)} TO {quoted(me)}")


def _guard_function(migration_id: str) -> str:
    """Runs with its owner's rights, since the application may not read our schema. Not fired by replicated rows."""
    refusal = text_literal(f"the target of migration {migration_id} is closed")
    return f"""
        CREATE FUNCTION {SCHEMA}.guard() RETURNS trigger LANGUAGE plpgsql STABLE SECURITY DEFINER
        SET search_path = pg_catalog AS $guard$
        BEGIN
            IF (SELECT state FROM {SCHEMA}.gate WHERE id = 1) IS DISTINCT FROM 'open' THEN
                RAISE EXCEPTION USING ERRCODE = '25006', MESSAGE = {refusal},
                    HINT = 'Connect to the published writer and repeat the transaction.';
            END IF;
            RETURN NULL;
        END $guard$;
        GRANT USAGE ON SCHEMA {SCHEMA} TO PUBLIC"""
