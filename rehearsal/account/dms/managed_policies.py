"""The two AWS managed policies that DMS's account-wide roles carry, which ministack does not know.

AWS Managed Policy Reference: AmazonDMSVPCManagementRole, AmazonDMSCloudWatchLogsRole.
"""

from __future__ import annotations

import json
from typing import Any

_LOG_GROUPS = "arn:aws:logs:*:*:log-group:dms-tasks-*"
_LOG_STREAMS = f"{_LOG_GROUPS}:log-stream:dms-task-*"
_NETWORK_ACTIONS = (
    "CreateNetworkInterface",
    "DeleteNetworkInterface",
    "DescribeAvailabilityZones",
    "DescribeDhcpOptions",
    "DescribeInternetGateways",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
    "DescribeSubnets",
    "DescribeVpcs",
    "ModifyNetworkInterfaceAttribute",
)


def _allow(actions: list[str], resource: str) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": actions, "Resource": [resource]}


POLICIES: dict[str, list[dict[str, Any]]] = {
    "service-role/AmazonDMSVPCManagementRole": [_allow([f"ec2:{action}" for action in _NETWORK_ACTIONS], "*")],
    "service-role/AmazonDMSCloudWatchLogsRole": [
        _allow(["logs:DescribeLogGroups"], "*"),
        _allow(["logs:CreateLogGroup", "logs:DescribeLogStreams"], _LOG_GROUPS),
        _allow(["logs:CreateLogStream", "logs:PutLogEvents"], _LOG_STREAMS),
    ],
}


def register() -> None:
    """Let the running account resolve both policies, so that roles carrying them allow what they allow on AWS."""
    from ministack.services import iam  # only the account's environment has it

    for name, statements in POLICIES.items():
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        iam._aws_managed_policies[f"arn:aws:iam::aws:policy/{name}"] = iam._make_aws_managed_record(name, document)
