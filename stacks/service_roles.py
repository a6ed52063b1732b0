"""Roles that services take: DMS to read its endpoints' secrets and reach the VPC, Scheduler to call functions."""

from __future__ import annotations

from aws_cdk import aws_iam
from constructs import Construct

from stacks.names import DMS_SECRETS_ROLE, SCHEDULE_GROUP, SCHEDULER_ROLE, Arns

# Fixed, account-wide names that DMS looks for (AWS_RULES R3.7), with the managed policy each needs.
DMS_ACCOUNT_ROLES = {
    "dms-vpc-role": "AmazonDMSVPCManagementRole",
    "dms-cloudwatch-logs-role": "AmazonDMSCloudWatchLogsRole",
}
SCHEDULED_FUNCTIONS = ("StepReads", "FinishBake", "WatchReverse", "RemindRetirement")


def dms_secrets_role(scope: Construct, arns: Arns) -> aws_iam.Role:
    """What an endpoint's SecretsManagerAccessRoleArn names. DMS takes it as its *regional* principal."""
    read = aws_iam.PolicyStatement(
        actions=["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], resources=arns.dms_secrets
    )
    return aws_iam.Role(
        scope,
        "DmsSecretsRole",
        role_name=arns.role_name(DMS_SECRETS_ROLE),
        assumed_by=aws_iam.ServicePrincipal(f"dms.{arns.settings.region}.amazonaws.com"),
        inline_policies={"secrets": aws_iam.PolicyDocument(statements=[read])},
    )


def dms_account_roles(scope: Construct) -> None:
    """Made only where the setting createDmsRoles says so: an account has each of them once, whoever made it."""
    for name, policy in DMS_ACCOUNT_ROLES.items():
        aws_iam.Role(
            scope,
            name,
            role_name=name,
            assumed_by=aws_iam.ServicePrincipal("dms.amazonaws.com"),
            managed_policies=[aws_iam.ManagedPolicy.from_aws_managed_policy_name(f"service-role/{policy}")],
        )


def scheduler_role(scope: Construct, arns: Arns) -> aws_iam.Role:
    """What Scheduler takes to call the scheduled functions, only for schedules of our group."""
    call = aws_iam.PolicyStatement(
        actions=["lambda:InvokeFunction"], resources=[arns.function(name) for name in SCHEDULED_FUNCTIONS]
    )
    bury = aws_iam.PolicyStatement(actions=["sqs:SendMessage"], resources=[arns.dead_letters])
    trusted = aws_iam.ServicePrincipal(
        "scheduler.amazonaws.com",
        conditions={
            "StringEquals": {"aws:SourceAccount": arns.settings.account},
            "ArnEquals": {"aws:SourceArn": arns.here("scheduler", f"schedule-group/{SCHEDULE_GROUP}")},
        },
    )
    return aws_iam.Role(
        scope,
        "SchedulerRole",
        role_name=arns.role_name(SCHEDULER_ROLE),
        assumed_by=trusted,
        inline_policies={"schedules": aws_iam.PolicyDocument(statements=[call, bury])},
    )
