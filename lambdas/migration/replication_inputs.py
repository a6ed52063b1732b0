"""What the DMS tasks of a migration are made from: which tables, which secrets."""

from __future__ import annotations

from migration import target_preparation, task_settings
from migration.names import Names
from migration.secrets import Secrets
from migration.sides import Sides


def mappings(sides: Sides) -> str:
    """Table mappings for every user table as the source has it now; both directions carry the same."""
    with sides.source_admin() as session:
        tables = target_preparation.user_tables(session)
    roots = [(table.schema, table.name) for table in tables if table.kind == "p"]
    return task_settings.table_mappings({table.schema for table in tables}, roots)


def secret_arns(sides: Sides, secrets: Secrets) -> tuple[str, str]:
    """The secrets with which DMS logs in to source and target, made where they are missing: one role, one password."""
    names = Names(sides.plan)
    credentials = secrets.credentials(names.source_secret)
    source_arn = secrets.put(names.source_secret, credentials, sides.source_address, names.tags)
    return source_arn, secrets.put(names.target_secret, credentials, sides.target_address, names.tags)
