"""`aws-sdk:databasemigration:*` tasks reach the emulated DMS: the one service of ours that ministack's map lacks."""

from ministack.services import stepfunctions


def apply() -> None:
    """Add the service to Step Functions' map."""
    stepfunctions._AWS_SDK_SERVICE_MAP["databasemigration"] = {
        "target_prefix": "AmazonDMSv20160101",
        "protocol": "json",
        "service_key": "dms",
    }
    stepfunctions._AWS_SDK_ERROR_PREFIX["databasemigration"] = "DatabaseMigration"
