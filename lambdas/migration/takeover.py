"""An execution that has ended without finishing its migration is followed by one that takes over (RecallMigration)."""

from __future__ import annotations

from migration.errors import MigrationBlocked
from migration.executions import Executions
from migration.names import takeover_name


def take_over(executions: Executions, state_machine_arn: str, migration_id: str, execution_arn: str) -> bool:
    """Starts the execution that takes over from a dead one, once; False when that one is still alive.

    Raises MigrationBlocked when AWS has forgotten the execution, or a successor ended without taking over.
    """
    found = executions.describe(execution_arn)
    if found and found.status == "RUNNING":
        return False
    if found is None or found.stopped_at is None:
        raise MigrationBlocked(f"AWS knows no end of the execution {execution_arn} of the migration {migration_id}.")
    name = takeover_name(migration_id, execution_arn, found.stopped_at)
    if not executions.start(state_machine_arn, name, {"undo": migration_id}):
        successor = execution_arn.replace(execution_arn.rsplit(":", 1)[-1], name)
        region = execution_arn.split(":")[3]
        raise MigrationBlocked(
            f"The execution that takes over the migration {migration_id} has failed; remove the reason it names, then:"
            f" aws stepfunctions redrive-execution --region {region} --execution-arn {successor}"
        )
    return True
