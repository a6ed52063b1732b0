"""What the emulated services may use of the account. Everything here runs inside the launcher process.

The functions that reach into ministack are for worker threads (where wire.Api runs its operations) and plain threads.
"""

import json
import os
from typing import Any

from ministack.core import iam_evaluator
from ministack.services import cloudwatch, eventbridge, iam, secretsmanager

from rehearsal.account import call_record
from rehearsal.account.time_factor import pace, run_later, scaled, sleep

__all__ = [
    "ACCOUNT_ID",
    "ANY_RESOURCE",
    "REGION",
    "forget_host",
    "host_address",
    "hosts",
    "pace",
    "put_event",
    "put_metric",
    "put_secret",
    "role_allows",
    "run_later",
    "scaled",
    "secret_value",
    "set_host",
    "sleep",
    "trusts",
]

REGION = os.environ.get("MINISTACK_REGION", "us-east-1")
ACCOUNT_ID = os.environ.get("MINISTACK_ACCOUNT_ID", "000000000000")
ANY_RESOURCE = "any resource"
_hosts: dict[str, str] = {}


def put_event(source: str, detail_type: str, resources: list[str], detail: dict[str, Any]) -> None:
    """Put one event of an AWS service (`source` such as `aws.rds`) on the default EventBridge bus."""
    entry = {"Source": source, "DetailType": detail_type, "Resources": resources, "Detail": json.dumps(detail)}
    eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)


def put_metric(namespace: str, name: str, dimensions: dict[str, str], value: float, unit: str = "None") -> None:
    """Store one metric point stamped with the real time; readers see it through a window divided by the pace."""
    cloudwatch.record_metric(namespace, name, value, unit, dimensions)


def secret_value(secret_id: str) -> dict[str, Any]:
    """The JSON object kept in a secret, by name or ARN. Raises KeyError when there is none."""
    text = secretsmanager.resolve_secret_string(secret_id)
    if text is None:
        raise KeyError(secret_id)
    value: dict[str, Any] = json.loads(text)
    return value


def put_secret(name: str, value: dict[str, Any]) -> str:
    """Create the secret `name`, or give it a new version; its ARN."""
    text = json.dumps(value)
    arn = secretsmanager.create_secret_in_process(name, text)
    if arn is None:
        secretsmanager.put_secret_value_in_process(name, text)
        arn = secretsmanager._resolve(name)[1]["ARN"]
    return str(arn)


def role_allows(role_arn: str, action: str, resource: str, service: str | None = None) -> bool:
    """Whether the role exists, trusts `service` (`dms.amazonaws.com`; None: any) and may do `action` on `resource`.

    `resource` ANY_RESOURCE asks whether there is one the role may act on: for calls whose resource is not known here.
    The answer goes into the call record under the role's name, as a call the service makes with the role does.
    """
    name = role_arn.rsplit("/", 1)[-1]
    role = iam._roles.get(name)
    allowed = role is not None and trusts(role, service) and _permits(role_arn, name, action, resource)
    status, error = (200, "") if allowed else (403, "AccessDenied")
    call_record.record(name, action, allowed=allowed, resource=resource, status=status, error=error)
    return allowed


def set_host(name: str, address: str) -> None:
    """Let the VPC's DNS resolve `name` (an RDS endpoint) to a loopback address."""
    _hosts[name.lower().rstrip(".")] = address


def forget_host(name: str) -> None:
    """Let the VPC's DNS answer NXDOMAIN for `name` again."""
    _hosts.pop(name.lower().rstrip("."), None)


def host_address(name: str) -> str | None:
    """The loopback address of an endpoint name, or None."""
    return _hosts.get(name.lower().rstrip("."))


def hosts() -> dict[str, str]:
    """Every endpoint name with its address."""
    return dict(_hosts)


def trusts(role: dict[str, Any], service: str | None, source_arn: str = "") -> bool:
    """Whether the trust policy of a role lets `service` (None: any) assume it for the resource `source_arn`."""
    document = role.get("AssumeRolePolicyDocument") or {}
    statements = (json.loads(document) if isinstance(document, str) else document).get("Statement", [])
    for statement in statements if isinstance(statements, list) else [statements]:
        principals = statement.get("Principal", {})
        services = principals.get("Service", []) if isinstance(principals, dict) else []
        named = [services] if isinstance(services, str) else services
        if statement.get("Effect") != "Allow" or not (service in named if service else named):
            continue
        if _holds(statement.get("Condition") or {}, source_arn):
            return True
    return False


def _holds(conditions: dict[str, dict[str, Any]], source_arn: str) -> bool:
    """Whether the conditions of a trust statement are met; those on an unknown source are taken to be."""
    known = {"aws:sourceaccount": ACCOUNT_ID} | ({"aws:sourcearn": source_arn} if source_arn else {})
    context = _context("sts:AssumeRole", "*", "", service_context=known)
    checked = {
        operator: {key: value for key, value in keys.items() if source_arn or key.lower() != "aws:sourcearn"}
        for operator, keys in conditions.items()
    }
    return bool(iam_evaluator._conditions_met(checked, context))


def _context(action: str, resource: str, role_arn: str, **more: Any) -> Any:
    return iam_evaluator.EvalContext(
        principal_arn=role_arn,
        principal_type="AssumedRole",
        principal_account=ACCOUNT_ID,
        action=action,
        resource_arn=resource,
        region=REGION,
        **more,
    )


def _permits(role_arn: str, name: str, action: str, resource: str) -> bool:
    policies = iam_evaluator._gather_role_policies(name, ACCOUNT_ID)
    if resource == ANY_RESOURCE:
        granted = [arn for statements in policies for each in statements for arn in each.resources]
        return any(_permits(role_arn, name, action, arn.replace("*", "x")) for arn in granted)
    context = _context(action, resource, role_arn)
    limits = iam_evaluator._permissions_boundary(iam._roles, name, ACCOUNT_ID)
    return bool(iam_evaluator.evaluate(context, policies, *limits).decision == "Allow")
