"""The one door to AWS: boto3 clients, made once per process, that raise `Throttled` for throttling codes.

Endpoint, region and credentials come from the environment, as in every Lambda function.
Other service errors stay botocore's: an adapter matches `client.exceptions.<Shape>`, which compares codes.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, TypeVar

import boto3
from botocore.client import BaseClient
from botocore.config import Config

from migration.errors import Throttled

if TYPE_CHECKING:
    from types_boto3_cloudwatch import CloudWatchClient
    from types_boto3_dms import DatabaseMigrationServiceClient
    from types_boto3_dynamodb import DynamoDBClient
    from types_boto3_rds import RDSClient
    from types_boto3_route53 import Route53Client
    from types_boto3_scheduler import EventBridgeSchedulerClient
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_sns import SNSClient
    from types_boto3_ssm import SSMClient
    from types_boto3_stepfunctions import SFNClient

# What botocore's standard mode retries as throttling (botocore.retries.standard.ThrottledRetryableChecker), plus
# Route 53's answer to overlapping changes (ChangeResourceRecordSets API page).
THROTTLING_CODES = frozenset(
    {
        "BandwidthLimitExceeded",
        "EC2ThrottledException",
        "LimitExceededException",
        "PriorRequestNotComplete",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyRequestsException",
        "TransactionInProgressException",
    }
)
_Client = TypeVar("_Client", bound=BaseClient)
_CONFIG = Config(
    retries={"mode": "standard", "max_attempts": 5},
    connect_timeout=5,
    read_timeout=20,
    user_agent_extra="crossfade",
)


@cache
def cloudwatch() -> CloudWatchClient:
    """Metrics."""
    return _door(boto3.client("cloudwatch", config=_CONFIG))


@cache
def dms() -> DatabaseMigrationServiceClient:
    """Database Migration Service."""
    return _door(boto3.client("dms", config=_CONFIG))


@cache
def dynamodb() -> DynamoDBClient:
    """The ledger's table."""
    return _door(boto3.client("dynamodb", config=_CONFIG))


@cache
def rds() -> RDSClient:
    """RDS and Aurora."""
    return _door(boto3.client("rds", config=_CONFIG))


@cache
def route53() -> Route53Client:
    """Weighted records."""
    return _door(boto3.client("route53", config=_CONFIG))


@cache
def scheduler() -> EventBridgeSchedulerClient:
    """EventBridge Scheduler."""
    return _door(boto3.client("scheduler", config=_CONFIG))


@cache
def secretsmanager() -> SecretsManagerClient:
    """Secrets."""
    return _door(boto3.client("secretsmanager", config=_CONFIG))


@cache
def sns() -> SNSClient:
    """Messages to on-call."""
    return _door(boto3.client("sns", config=_CONFIG))


@cache
def ssm() -> SSMClient:
    """Settings and the published writer."""
    return _door(boto3.client("ssm", config=_CONFIG))


@cache
def stepfunctions() -> SFNClient:
    """Executions and task tokens."""
    return _door(boto3.client("stepfunctions", config=_CONFIG))


def _door(client: _Client) -> _Client:
    client.meta.events.register("after-call", _raise_throttled)
    return client


def _raise_throttled(parsed: dict[str, Any], **_: object) -> None:
    """Runs after botocore has used up its own retries."""
    error = parsed.get("Error", {})
    if error.get("Code") in THROTTLING_CODES:
        raise Throttled(f"AWS throttled the call ({error['Code']}): {error.get('Message', '')}")
