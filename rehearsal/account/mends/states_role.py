"""A state machine may do what its role allows, and no more; ministack does not look at the role."""

from typing import Any

from ministack.core.responses import get_account_id, get_region
from ministack.services import stepfunctions

from rehearsal.account import platform

_PRINCIPAL = "states.amazonaws.com"
# Names of services in `aws-sdk:<name>:<action>` whose IAM namespace is another.
_NAMESPACES = {"sfn": "states", "cloudwatchlogs": "logs", "eventbridge": "events", "databasemigration": "dms"}
_OPTIMIZED = {
    "sns:publish": ("sns:Publish", "SNS.AuthorizationErrorException"),
    "sqs:sendMessage": ("sqs:SendMessage", "SQS.AmazonSQSException"),
    "events:putEvents": ("events:PutEvents", "EventBridge.AccessDeniedException"),
    "states:startExecution": ("states:StartExecution", "StepFunctions.AccessDeniedException"),
}


def check(execution: dict[str, Any], resource: str, parameters: Any) -> None:
    """Raise the task's error when the role of the execution's machine may not do what the task does."""
    role = stepfunctions._state_machines[execution["stateMachineArn"]]["roleArn"]
    action, target, error = _needed(resource.removesuffix(".waitForTaskToken"), parameters)
    if not platform.role_allows(role, action, target, _PRINCIPAL):
        session = f"arn:aws:sts::{get_account_id()}:assumed-role/{role.rsplit('/', 1)[-1]}"
        reason = f"because no identity-based policy allows the {action} action"
        cause = f"User: {session} is not authorized to perform: {action} on resource: {target} {reason}"
        raise stepfunctions._ExecutionError(error, cause)


def iam_action(service: str, operation: str) -> str:
    """The IAM action of an SDK call: `sfn`, `sendTaskSuccess` give `states:SendTaskSuccess`."""
    return f"{_NAMESPACES.get(service, service)}:{operation[0].upper()}{operation[1:]}"


def _needed(resource: str, parameters: Any) -> tuple[str, str, str]:
    """The IAM action of a task, the ARN of what it acts on, and the error name of a refusal."""
    given = parameters if isinstance(parameters, dict) else {}
    if ":function:" in resource:
        return "lambda:InvokeFunction", resource, "Lambda.AWSLambdaException"
    name = resource.removeprefix("arn:aws:states:::").partition(".")[0]
    if name == "lambda:invoke":
        function = str(given.get("FunctionName", ""))
        if not function.startswith("arn:"):
            function = f"arn:aws:lambda:{get_region()}:{get_account_id()}:function:{function}"
        return "lambda:InvokeFunction", function, "Lambda.AWSLambdaException"
    if name in _OPTIMIZED:
        action, error = _OPTIMIZED[name]
        return action, _target(given), error
    service, operation = name.removeprefix("aws-sdk:").split(":")
    return iam_action(service, operation), _target(given), f"{service[0].upper()}{service[1:]}.AccessDeniedException"


def _target(given: dict[str, Any]) -> str:
    """The ARN that a task's parameters name; where they name none, any resource the role may act on."""
    scope = f"{get_region()}:{get_account_id()}"
    if "TableName" in given:
        return f"arn:aws:dynamodb:{scope}:table/{given['TableName']}"
    if "QueueUrl" in given:
        return f"arn:aws:sqs:{scope}:{given['QueueUrl'].rsplit('/', 1)[-1]}"
    arns = [str(given.get(key)) for key in ("TopicArn", "StateMachineArn", "EventBusName", "ReplicationTaskArn")]
    return next((arn for arn in arns if arn.startswith("arn:")), platform.ANY_RESOURCE)
