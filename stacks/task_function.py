"""One Lambda function with its own role, log group and nothing more than its row of task_permissions allows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from aws_cdk import Duration, aws_iam, aws_lambda, aws_logs, aws_sqs
from constructs import Construct

from stacks.log_groups import log_group
from stacks.names import Arns, function_name, module_name
from stacks.network import attach, network_interface_statements
from stacks.task_permissions import FunctionRow


@dataclass(frozen=True)
class FunctionParts:
    """What all functions share."""

    arns: Arns
    code: aws_lambda.Code
    layer: aws_lambda.ILayerVersion
    dead_letters: aws_sqs.IQueue
    environment: Mapping[str, str]


class TaskFunction(Construct):
    """`crossfade-cut-over`, made from the row `CutOver`; its file is lambdas/tasks/cut_over.py."""

    def __init__(self, scope: Construct, row: FunctionRow, parts: FunctionParts) -> None:
        super().__init__(scope, row.name)
        name = function_name(row.name)
        logs = log_group(self, "Logs", f"/aws/lambda/{name}", parts.arns.settings.log_retention_days)
        self.function = aws_lambda.Function(
            self,
            "Function",
            function_name=name,
            runtime=aws_lambda.Runtime.PYTHON_3_13,
            architecture=aws_lambda.Architecture.ARM_64,
            handler=f"{row.package}.{module_name(row.name)}.handler",
            code=parts.code,
            layers=[parts.layer],
            role=_role(self, row, parts, logs),
            timeout=Duration.seconds(row.timeout_seconds),
            memory_size=row.memory_mb,
            environment={key: parts.environment[key] for key in row.environment if key in parts.environment},
            log_group=logs,
            logging_format=aws_lambda.LoggingFormat.JSON,
            tracing=aws_lambda.Tracing.ACTIVE if parts.arns.settings.tracing else aws_lambda.Tracing.DISABLED,
            # Functions that nobody waits for put what they could not handle into the dead-letter queue.
            dead_letter_queue=parts.dead_letters if row.asynchronous else None,
        )
        if row.in_vpc:
            attach(self.function, parts.arns.settings.network)


def _role(scope: Construct, row: FunctionRow, parts: FunctionParts, logs: aws_logs.LogGroup) -> aws_iam.Role:
    statements = [
        aws_iam.PolicyStatement(
            actions=list(grant.actions), resources=list(grant.resources), conditions=dict(grant.conditions)
        )
        for grant in row.grants
    ]
    write_logs = aws_iam.PolicyStatement(
        actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[logs.log_group_arn]
    )
    if row.in_vpc:
        statements += network_interface_statements(parts.arns.function(row.name))
    return aws_iam.Role(
        scope,
        "Role",
        role_name=parts.arns.role_name(row.name),
        assumed_by=aws_iam.ServicePrincipal("lambda.amazonaws.com"),
        # Inside the role: the function is made only when all of it is there.
        inline_policies={"task": aws_iam.PolicyDocument(statements=[write_logs, *statements])},
    )
