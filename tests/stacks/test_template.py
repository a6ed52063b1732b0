"""What the stack promises, read from the template."""

from __future__ import annotations

import json
from typing import Any

import pytest
from aws_cdk.assertions import Match, Template

from stacks.names import function_name
from stacks.service_roles import SCHEDULED_FUNCTIONS
from stacks.task_permissions import function_rows
from tests.contract.deployment import ARNS, ROWS
from tests.stacks.conftest import Synthesize

Resources = dict[str, dict[str, Any]]


def of_type(resources: Resources, kind: str) -> list[dict[str, Any]]:
    return [resource["Properties"] for resource in resources.values() if resource["Type"] == kind]


def functions(resources: Resources) -> dict[str, dict[str, Any]]:
    return {each["FunctionName"]: each for each in of_type(resources, "AWS::Lambda::Function")}


def statements(resources: Resources) -> list[dict[str, Any]]:
    """Of every identity policy."""
    policies = of_type(resources, "AWS::IAM::Policy")
    policies += [policy for role in of_type(resources, "AWS::IAM::Role") for policy in role.get("Policies", [])]
    return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]


def test_one_function_for_each_row_and_none_of_cdks_own(resources: Resources) -> None:
    assert set(functions(resources)) == {function_name(name) for name in ROWS}


def test_every_function_is_python_on_arm_with_json_logs_and_its_own_role(resources: Resources) -> None:
    roles = set()
    for function in functions(resources).values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == ["arm64"]
        assert function["LoggingConfig"]["LogFormat"] == "JSON"
        assert "Ref" in function["LoggingConfig"]["LogGroup"]
        assert len(function["Layers"]) == 1
        roles.add(json.dumps(function["Role"]))
    assert len(roles) == len(ROWS)


def test_all_functions_share_one_asset(resources: Resources) -> None:
    assert len({json.dumps(function["Code"]) for function in functions(resources).values()}) == 1


def test_every_log_group_forgets(resources: Resources) -> None:
    groups = of_type(resources, "AWS::Logs::LogGroup")
    assert len(groups) == len(ROWS) + 1
    assert all(group["RetentionInDays"] == 90 for group in groups)


def test_vpc_only_where_databases_are(resources: Resources) -> None:
    for name, row in ROWS.items():
        attached = "VpcConfig" in functions(resources)[function_name(name)]
        assert attached == row.in_vpc


def test_no_action_is_a_star(resources: Resources) -> None:
    for statement in statements(resources):
        actions = statement["Action"]
        for action in [actions] if isinstance(actions, str) else actions:
            assert "*" not in action


def test_function_code_may_not_touch_network_interfaces(resources: Resources) -> None:
    denied = [statement for statement in statements(resources) if statement["Effect"] == "Deny"]
    assert len(denied) == sum(row.in_vpc for row in ROWS.values())
    assert all("lambda:SourceFunctionArn" in statement["Condition"]["ArnEquals"] for statement in denied)


def test_state_machine_logs_everything(template: Template) -> None:
    template.has_resource_properties(
        "AWS::StepFunctions::StateMachine",
        {
            "StateMachineName": "crossfade-migrate",
            "LoggingConfiguration": {"Level": "ALL", "IncludeExecutionData": True},
            "DefinitionSubstitutions": {"CutOver": Match.any_value(), "Complete": Match.any_value()},
        },
    )


def test_definition_stays_readable(resources: Resources) -> None:
    machine = of_type(resources, "AWS::StepFunctions::StateMachine")[0]
    assert json.loads(machine["DefinitionString"])["StartAt"] == "IsUndo"
    assert set(machine["DefinitionSubstitutions"]) == {row.name for row in ROWS.values() if row.package == "tasks"}


def test_state_machine_may_call_its_tasks_and_nothing_else(resources: Resources) -> None:
    calls = [each for each in statements(resources) if each["Action"] == "lambda:InvokeFunction"]
    tasks = next(each for each in calls if {"Fn::GetAtt"} == {key for arn in each["Resource"] for key in arn})
    assert len(tasks["Resource"]) == sum(row.package == "tasks" for row in ROWS.values())


def test_scheduler_may_call_what_is_scheduled(resources: Resources) -> None:
    expected = sorted(ARNS.function(name) for name in SCHEDULED_FUNCTIONS)
    calls = [each["Resource"] for each in statements(resources) if each["Action"] == "lambda:InvokeFunction"]
    assert expected in [sorted(arns) for arns in calls if isinstance(arns[0], str)]


def test_functions_nobody_waits_for_have_a_dead_letter_queue(resources: Resources) -> None:
    for name, row in ROWS.items():
        assert ("DeadLetterConfig" in functions(resources)[function_name(name)]) == row.asynchronous


def test_ledger_outlives_the_stack(template: Template) -> None:
    template.has_resource(
        "AWS::DynamoDB::Table",
        {
            "DeletionPolicy": "Retain",
            "UpdateReplacePolicy": "Retain",
            "Properties": {
                "TableName": "crossfade-ledger",
                "BillingMode": "PAY_PER_REQUEST",
                "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
                "SSESpecification": {"SSEEnabled": True},
            },
        },
    )


def test_outcomes_are_announced(template: Template) -> None:
    template.has_resource_properties(
        "AWS::Events::Rule",
        {
            "EventPattern": {
                "source": ["aws.states"],
                "detail-type": ["Step Functions Execution Status Change"],
                "detail": {"status": ["SUCCEEDED", "FAILED", "TIMED_OUT", "ABORTED"]},
            }
        },
    )


def test_dms_reads_secrets_as_its_regional_principal(template: Template) -> None:
    template.has_resource_properties(
        "AWS::IAM::Role",
        {
            "RoleName": "crossfade-dms-secrets-us-east-1",
            "AssumeRolePolicyDocument": {
                "Statement": [
                    {
                        "Action": "sts:AssumeRole",
                        "Effect": "Allow",
                        "Principal": {"Service": "dms.us-east-1.amazonaws.com"},
                    }
                ]
            },
        },
    )


def test_functions_find_each_source(template: Template, shipped: dict[str, Any]) -> None:
    template.has_resource_properties("AWS::SSM::Parameter", {"Name": "/crossfade/sources/orders-db"})
    parameter = next(iter(template.find_resources("AWS::SSM::Parameter").values()))
    assert json.loads(parameter["Properties"]["Value"]) == {**shipped["sources"]["orders-db"], "targetClusterIds": []}


@pytest.fixture(scope="module")
def other(synthesize: Synthesize) -> Template:
    """Every optional setting away from its default."""
    return synthesize(
        createDmsRoles=False,
        logRetentionDays=7,
        tracing=True,
        databaseCaFile="cdk.json",
        kmsKeyArns=["arn:aws:kms:us-east-1:123456789012:key/0a1b2c3d"],
    )


def test_dms_account_roles_are_made_unless_they_exist(template: Template, other: Template) -> None:
    template.has_resource_properties("AWS::IAM::Role", {"RoleName": "dms-vpc-role"})
    template.has_resource_properties("AWS::IAM::Role", {"RoleName": "dms-cloudwatch-logs-role"})
    assert not other.find_resources("AWS::IAM::Role", {"Properties": {"RoleName": "dms-vpc-role"}})


def test_tracing_is_a_setting(template: Template, other: Template) -> None:
    assert not template.find_resources("AWS::Lambda::Function", {"Properties": {"TracingConfig": {"Mode": "Active"}}})
    assert len(
        other.find_resources("AWS::Lambda::Function", {"Properties": {"TracingConfig": {"Mode": "Active"}}})
    ) == len(ROWS)


def test_retention_is_a_setting(other: Template) -> None:
    assert {each["Properties"]["RetentionInDays"] for each in other.find_resources("AWS::Logs::LogGroup").values()} == {
        7
    }


def test_database_ca_reaches_the_functions_that_verify(other: Template) -> None:
    for name, function in functions(other.to_json()["Resources"]).items():
        verified = function["Environment"]["Variables"].get("CROSSFADE_DATABASE_CA") == "database-ca.pem"
        assert verified == next(row.in_vpc for row in ROWS.values() if function_name(row.name) == name)


def test_customer_managed_keys_are_used_through_their_service_only(other: Template) -> None:
    keyed = [each for each in statements(other.to_json()["Resources"]) if "kms:Decrypt" in each["Action"]]
    assert keyed
    assert all("kms:ViaService" in each["Condition"]["StringEquals"] for each in keyed)


def test_rows_are_as_many_as_states_operations_and_events() -> None:
    assert len(function_rows(ARNS)) == len(ROWS)
