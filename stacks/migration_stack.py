"""The stack of the app: functions, state machine, ledger, schedules and alerts."""

from __future__ import annotations

import json
from pathlib import Path

from aws_cdk import (
    CfnOutput,
    Environment,
    RemovalPolicy,
    Stack,
    aws_dynamodb,
    aws_iam,
    aws_lambda,
    aws_scheduler,
    aws_sqs,
    aws_ssm,
)
from aws_cdk import aws_events as events
from aws_cdk import aws_events_targets as targets
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from stacks.alerts import Alerts
from stacks.asset import CA_FILE_NAME, function_code
from stacks.layer import dependency_layer
from stacks.log_groups import log_group
from stacks.names import (
    DEAD_LETTER_QUEUE,
    DMS_SECRETS_ROLE,
    LEDGER_TABLE,
    SCHEDULE_GROUP,
    SCHEDULER_ROLE,
    SOURCES_PREFIX,
    STATE_MACHINE,
    WRITER_PREFIX,
    Arns,
)
from stacks.service_roles import dms_account_roles, dms_secrets_role, scheduler_role
from stacks.settings import Settings, SourceSettings
from stacks.task_function import FunctionParts, TaskFunction
from stacks.task_permissions import function_rows


class MigrationStack(Stack):
    """`Crossfade`: deployed once an account and region, for all its source databases."""

    def __init__(self, scope: Construct, root: Path, settings: Settings) -> None:
        environment = Environment(account=settings.account, region=settings.region)
        super().__init__(
            scope, "Crossfade", env=environment, description="Moves RDS databases to Aurora Serverless v2."
        )
        self._root, self._settings, self._arns = root, settings, Arns(settings)
        self._alerts = Alerts(self, settings.alert_email)
        self._dead_letters = aws_sqs.Queue(
            self,
            "DeadLetters",
            queue_name=DEAD_LETTER_QUEUE,
            encryption=aws_sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
        )
        self._alerts.watch_dead_letters(self._dead_letters)
        self._keep_the_ledger()
        self._make_roles()
        functions = self._make_functions()
        machine = self._make_state_machine(functions)
        self._alerts.watch_executions(machine)
        self._watch_endings(machine, functions)
        for source in settings.sources:
            self._publish_source(source)
            self._alerts.watch_reverse_lag(source.name)

    def _keep_the_ledger(self) -> None:
        aws_dynamodb.Table(
            self,
            "Ledger",
            table_name=LEDGER_TABLE,
            partition_key=aws_dynamodb.Attribute(name="id", type=aws_dynamodb.AttributeType.STRING),
            billing_mode=aws_dynamodb.BillingMode.PAY_PER_REQUEST,
            encryption=aws_dynamodb.TableEncryption.AWS_MANAGED,
            point_in_time_recovery_specification=aws_dynamodb.PointInTimeRecoverySpecification(
                point_in_time_recovery_enabled=True
            ),
            # It knows how to unfence a source: losing it with the stack would be losing the way back.
            removal_policy=RemovalPolicy.RETAIN,
        )

    def _make_roles(self) -> None:
        dms_secrets_role(self, self._arns)
        scheduler_role(self, self._arns)
        aws_scheduler.CfnScheduleGroup(self, "Schedules", name=SCHEDULE_GROUP)
        if self._settings.create_dms_roles:
            dms_account_roles(self)

    def _make_functions(self) -> dict[str, aws_lambda.Function]:
        parts = FunctionParts(
            arns=self._arns,
            code=function_code(self._root, self._settings.database_ca_file),
            layer=dependency_layer(self, self._root),
            dead_letters=self._dead_letters,
            environment=self._environment_values(),
        )
        return {row.name: TaskFunction(self, row, parts).function for row in function_rows(self._arns)}

    def _environment_values(self) -> dict[str, str]:
        """Every environment variable a function may ask for in its row."""
        arns = self._arns
        values = {
            "CROSSFADE_TABLE": LEDGER_TABLE,
            "CROSSFADE_TOPIC_ARN": arns.topic[0],
            "CROSSFADE_STATE_MACHINE_ARN": arns.state_machine[0],
            "CROSSFADE_SOURCES_PREFIX": SOURCES_PREFIX,
            "CROSSFADE_WRITER_PREFIX": WRITER_PREFIX,
            "CROSSFADE_SCHEDULE_GROUP": SCHEDULE_GROUP,
            "CROSSFADE_SCHEDULER_ROLE_ARN": arns.role(SCHEDULER_ROLE),
            "CROSSFADE_SCHEDULE_DLQ_ARN": arns.dead_letters,
            "CROSSFADE_STEP_READS_ARN": arns.function("StepReads"),
            "CROSSFADE_FINISH_BAKE_ARN": arns.function("FinishBake"),
            "CROSSFADE_WATCH_REVERSE_ARN": arns.function("WatchReverse"),
            "CROSSFADE_REMIND_RETIREMENT_ARN": arns.function("RemindRetirement"),
            "CROSSFADE_DMS_SECRETS_ROLE_ARN": arns.role(DMS_SECRETS_ROLE),
            "POWERTOOLS_SERVICE_NAME": "crossfade",
            "POWERTOOLS_LOG_LEVEL": "INFO",
        }
        if self._settings.database_ca_file:
            values["CROSSFADE_DATABASE_CA"] = CA_FILE_NAME
        return values

    def _make_state_machine(self, functions: dict[str, aws_lambda.Function]) -> stepfunctions.StateMachine:
        text = (self._root / "statemachines" / "migrate.asl.json").read_text()
        tasks = {name: function for name, function in functions.items() if f"${{{name}}}" in text}
        # Step Functions wants this prefix: its resource policy on log groups has a size limit.
        logs_name = f"/aws/vendedlogs/states/{STATE_MACHINE}"
        logs = log_group(self, "ExecutionLogs", logs_name, self._settings.log_retention_days)
        machine = stepfunctions.StateMachine(
            self,
            "Migrate",
            state_machine_name=STATE_MACHINE,
            definition_body=stepfunctions.DefinitionBody.from_string(text),
            definition_substitutions={name: function.function_arn for name, function in tasks.items()},
            logs=stepfunctions.LogOptions(
                destination=logs, level=stepfunctions.LogLevel.ALL, include_execution_data=True
            ),
            tracing_enabled=self._settings.tracing,
        )
        # Not grant_invoke: it would allow every version and alias too.
        arns = [function.function_arn for function in tasks.values()]
        machine.add_to_role_policy(aws_iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=arns))
        CfnOutput(self, "StateMachineArn", value=machine.state_machine_arn)
        return machine

    def _watch_endings(self, machine: stepfunctions.StateMachine, functions: dict[str, aws_lambda.Function]) -> None:
        unsuccessful = ["FAILED", "TIMED_OUT", "ABORTED"]
        for name, statuses, function, description in (
            ("outcomes", ["SUCCEEDED", *unsuccessful], "AnnounceOutcome", "Tells on-call how a migration ended."),
            ("stopped", unsuccessful, "UndoStopped", "Lets another execution take over from a stopped one."),
        ):
            rule = events.Rule(
                self,
                name.capitalize(),
                rule_name=f"crossfade-{name}",
                description=description,
                event_pattern=events.EventPattern(
                    source=["aws.states"],
                    detail_type=["Step Functions Execution Status Change"],
                    detail={"stateMachineArn": [machine.state_machine_arn], "status": statuses},
                ),
            )
            rule.add_target(targets.LambdaFunction(functions[function], dead_letter_queue=self._dead_letters))

    def _publish_source(self, source: SourceSettings) -> None:
        aws_ssm.StringParameter(
            self,
            f"Source-{source.name}",
            parameter_name=SOURCES_PREFIX + source.name,
            string_value=json.dumps(source.for_functions()),
            description=f"What Crossfade knows of {source.name}; made from the settings.",
        )
