"""Names of what a migration makes: valid at every service, and the same in every retry."""

import re

from hypothesis import given
from hypothesis import strategies as st

from migration.inputs import SOURCE_NAME
from migration.model import MigrationPlan, Options, Source, SourceSettings, Target, migration_id_for
from migration.names import Names

# RDS and DMS: letters, digits, single hyphens, a letter first, none at the end (API references, CreateDBCluster,
# CreateReplicationInstance).
IDENTIFIER = re.compile(r"[a-z](?:[a-z0-9]|-(?!-))*(?<!-)")
SETTINGS = SourceSettings("i", "d", "m", "a", "w", "r", "z")


def names_of(source_name: str, execution_arn: str) -> Names:
    source = Source(
        source_name,
        SETTINGS,
        "arn",
        "postgres",
        "18.6",
        "db.r6g.large",
        "h",
        5432,
        "g",
        [],
        [],
        "p",
        True,
        None,
        "m",
        [],
    )
    migration_id = migration_id_for(source_name, execution_arn)
    target = Target(f"crossfade-{migration_id}", "aurora-postgresql", "18.6", "aurora-postgresql18", 2, 8)
    plan = MigrationPlan(migration_id, execution_arn, source, target, Options(), "dms", "", "dms.r6i.large", [])
    return Names(plan)


@given(st.from_regex(SOURCE_NAME, fullmatch=True), st.text(max_size=20))
def test_every_service_takes_them(source_name: str, execution_arn: str) -> None:
    names = names_of(source_name, execution_arn)
    identifiers = [
        names.snapshot,
        f"{names.snapshot}-final",
        *names.instances,
        names.cluster,
        names.parameter_group,
        names.replication_instance,
        names.replication_subnet_group,
        names.source_endpoint,
        names.target_endpoint,
        names.replication_task,
    ]
    assert [name for name in identifiers if not IDENTIFIER.fullmatch(name) or len(name) > 63] == []
    assert re.fullmatch(r"crossfade_dms_[0-9a-f]{8}", names.replication_role)
    assert len(names.plan.resource_prefix) <= 45


def test_two_executions_share_no_name() -> None:
    first, second = names_of("orders", "a"), names_of("orders", "b")
    for name in ("snapshot", "cluster", "replication_role", "source_secret", "target_secret", "replication_task"):
        assert getattr(first, name) != getattr(second, name)
