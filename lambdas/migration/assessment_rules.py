"""What each list of catalog objects means for a migration: rules as data (AWS_RULES R3, DATABASES.md)."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class ListRule:
    """When the list `key` of DatabaseFacts is not empty, its names get this finding."""

    key: str
    level: str
    message: str
    remedy: str


LIST_RULES = (
    ListRule(
        "without_primary_key",
        "blocker",
        "has no primary key, so DMS would lose its UPDATEs and DELETEs",
        "add a primary key: ALTER TABLE … ADD PRIMARY KEY (…)",
    ),
    ListRule(
        "identity_nothing",
        "blocker",
        "has REPLICA IDENTITY NOTHING, so its UPDATEs would fail once it is published",
        "ALTER TABLE … REPLICA IDENTITY DEFAULT",
    ),
    ListRule(
        "unlogged", "blocker", "is unlogged, so its changes are in no log", "ALTER TABLE … SET LOGGED, or drop it"
    ),
    ListRule(
        "replica_triggers",
        "blocker",
        "fires on replicated rows (ENABLE ALWAYS or ENABLE REPLICA) and would act twice",
        "ALTER TABLE … ENABLE TRIGGER … (without ALWAYS or REPLICA)",
    ),
    ListRule(
        "other_databases",
        "blocker",
        "is another database of this instance, which would stay behind",
        "move it to an instance of its own, or drop it",
    ),
    ListRule(
        "prepared_transactions",
        "blocker",
        "is a prepared transaction, for which a replication slot waits without end",
        "COMMIT PREPARED or ROLLBACK PREPARED it",
    ),
    ListRule(
        "superusers_writing", "blocker", "is a superuser with open sessions, which no fence stops", "use another role"
    ),
    ListRule(
        "subscriptions",
        "blocker",
        "is a subscription of this database; both sides would apply it",
        "DROP SUBSCRIPTION, and start it on the target after the migration",
    ),
    ListRule(
        "long_transactions",
        "warning",
        "is a transaction older than 5 minutes; the replication slot waits for its end",
        "end it before the migration reaches StartReplication",
    ),
    ListRule("cached_sequences", "warning", "is a sequence with a cache; its numbers will skip", "nothing to do"),
    ListRule(
        "identity_always",
        "warning",
        "is GENERATED ALWAYS; on the target it is BY DEFAULT until after the cut-over",
        "nothing to do",
    ),
    ListRule("generated_columns", "warning", "is a generated column; the target computes it", "nothing to do"),
    ListRule(
        "materialized_views",
        "warning",
        "is a materialized view and as old as the snapshot on the target",
        "REFRESH MATERIALIZED VIEW after the cut-over",
    ),
    ListRule(
        "foreign_tables",
        "warning",
        "is a foreign table; its server must be reachable from the target",
        "check the foreign server after AwaitTarget",
    ),
    ListRule(
        "extensions",
        "warning",
        "is an extension; the target has it only if Aurora PostgreSQL supports it",
        "compare with the Aurora PostgreSQL release notes",
    ),
    ListRule(
        "foreign_slots",
        "warning",
        "is a logical slot of somebody else; its reader stays with the source",
        "move its reader after the cut-over",
    ),
    ListRule(
        "truncatable",
        "warning",
        "can be emptied by the application with TRUNCATE, which DMS does not carry",
        "use DELETE while the migration runs; VerifyData finds a TRUNCATE and rolls back",
    ),
    ListRule(
        "owned_by_application",
        "warning",
        "belongs to the application's role, whom a REVOKE does not fence",
        "nothing to do: the fence takes its login away",
    ),
)
