"""Log groups with the retention of the settings."""

from __future__ import annotations

from aws_cdk import RemovalPolicy, aws_logs
from constructs import Construct


def log_group(scope: Construct, construct_id: str, name: str, retention_days: int) -> aws_logs.LogGroup:
    """A log group that keeps events for `retention_days` and goes with the stack."""
    group = aws_logs.LogGroup(scope, construct_id, log_group_name=name, removal_policy=RemovalPolicy.DESTROY)
    resource = group.node.default_child
    assert isinstance(resource, aws_logs.CfnLogGroup)
    resource.retention_in_days = retention_days  # the construct's own property takes names such as TWO_WEEKS only
    return group
