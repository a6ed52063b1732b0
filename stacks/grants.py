"""What a row of task_permissions may be given: actions on the resources of this app, its sources and its migrations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from stacks.names import DMS_SECRETS_ROLE, METRIC_NAMESPACE, SCHEDULER_ROLE, Arns


@dataclass(frozen=True)
class Grant:
    """One statement of a policy. Resources are ARNs; `*` stands only with the actions of NO_RESOURCE_TYPE."""

    actions: tuple[str, ...]
    resources: tuple[str, ...]
    conditions: Mapping[str, Mapping[str, list[str]]] = field(default_factory=dict)


# Actions for which AWS has no resource types, so that `*` is the only resource that grants them (Service Authorization
# Reference, docs.aws.amazon.com/service-authorization/latest/reference/, column "Resource types" of each service).
NO_RESOURCE_TYPE = frozenset(
    {
        "cloudwatch:GetMetricData",
        "cloudwatch:PutMetricData",
        "dms:DescribeConnections",
        "dms:DescribeEndpoints",
        "dms:DescribeOrderableReplicationInstances",
        "dms:DescribeReplicationInstances",
        "dms:DescribeReplicationSubnetGroups",
        "dms:DescribeReplicationTasks",
        "rds:DescribeDBEngineVersions",
        "rds:DescribeOrderableDBInstanceOptions",
        "secretsmanager:GetRandomPassword",
    }
)

# What AWS checks beside the action itself: tags given at creation, roles handed on.
DEPENDENT_ACTIONS = {
    **{
        f"rds:{action}": {"rds:AddTagsToResource"}
        for action in (
            "CreateDBClusterParameterGroup",
            "CreateDBInstance",
            "CreateDBSnapshot",
            "CreateDBClusterSnapshot",
        )
    },
    "rds:RestoreDBClusterFromSnapshot": {"rds:AddTagsToResource"},
    **{
        f"dms:{action}": {"dms:AddTagsToResource"}
        for action in ("CreateReplicationInstance", "CreateReplicationSubnetGroup", "CreateReplicationTask")
    },
    "dms:CreateEndpoint": {"dms:AddTagsToResource", "iam:PassRole"},
    "scheduler:CreateSchedule": {"iam:PassRole"},
    "secretsmanager:CreateSecret": {"secretsmanager:TagResource"},
}
# ModifyDBCluster with ManageMasterUserPassword (RDS user guide, "Password management with RDS and Secrets Manager").
MANAGED_PASSWORD_ACTIONS = frozenset({"kms:DescribeKey", "secretsmanager:CreateSecret", "secretsmanager:TagResource"})


class Grants:
    """The vocabulary of the table. Action names are those of the API, without the service."""

    def __init__(self, arns: Arns) -> None:
        self._arns = arns

    def anywhere(self, *actions: str) -> Grant:
        """Actions of NO_RESOURCE_TYPE, with their service."""
        outside = [action for action in actions if action not in NO_RESOURCE_TYPE]
        if outside:
            raise ValueError(f"{outside} can be granted on resources: name them")
        return Grant(actions, ("*",))

    def source_instance(self, *actions: str) -> Grant:
        """On the DB instances that may be migrated."""
        return _grant("rds", actions, self._arns.source_instances)

    def target(self, kinds: str, *actions: str) -> Grant:
        """On RDS resources of migrations; `kinds` as "cluster db"."""
        return _grant("rds", actions, [arn for kind in kinds.split() for arn in self._arns.rds(kind)])

    def rds_any(self, patterns: str, *actions: str) -> Grant:
        """On RDS resources that are not ours: `patterns` as "subgrp:* og:default:*"."""
        return _grant("rds", actions, [self._arns.here("rds", pattern) for pattern in patterns.split()])

    def dms(self, kinds: str, *actions: str) -> Grant:
        """On DMS resources of these kinds."""
        return _grant("dms", actions, self._arns.dms(*kinds.split()))

    def source_secrets(self) -> Grant:
        """Read the passwords of master and application users."""
        return _grant("secretsmanager", ["GetSecretValue"], self._arns.source_secrets)

    def cluster_secrets(self, *actions: str) -> Grant:
        """On the master passwords that RDS keeps for clusters."""
        return _grant("secretsmanager", actions, self._arns.cluster_secrets)

    def dms_secrets(self, *actions: str) -> Grant:
        """On the secrets made for DMS."""
        return _grant("secretsmanager", actions, self._arns.dms_secrets)

    def keys(self, *actions: str) -> list[Grant]:
        """Customer managed keys of snapshots and secrets, only through the service that holds them; [] without any."""
        settings = self._arns.settings
        services = [f"{service}.{settings.region}.amazonaws.com" for service in ("rds", "secretsmanager")]
        granted = tuple(f"kms:{action}" for action in actions)
        keys = settings.kms_key_arns
        return [Grant(granted, keys, {"StringEquals": {"kms:ViaService": services}})] if keys else []

    def describe_keys(self) -> Grant:
        """RDS asks on the caller's behalf for the key of the secret it makes, which is the account's default key."""
        return _grant("kms", ["DescribeKey"], [self._arns.here("kms", "key/*")])

    def ledger(self, *actions: str) -> Grant:
        """On the ledger's items."""
        return _grant("dynamodb", actions, self._arns.ledger)

    def dns(self, *actions: str) -> Grant:
        """On the records of the zones of the sources."""
        return _grant("route53", actions, self._arns.hosted_zones)

    def dns_changes(self) -> Grant:
        """Ask whether a change has reached all name servers."""
        return _grant("route53", ["GetChange"], self._arns.dns_changes)

    def source_settings(self) -> Grant:
        """Read what the app was deployed with."""
        return _grant("ssm", ["GetParameter"], self._arns.source_parameters)

    def published_writer(self, *actions: str) -> Grant:
        """On the parameter in which applications find the writer."""
        return _grant("ssm", actions, self._arns.writer_parameters)

    def our_metrics(self) -> Grant:
        """Send metrics; the namespace is the only thing that can be named."""
        condition = {"StringEquals": {"cloudwatch:namespace": [METRIC_NAMESPACE]}}
        return Grant(("cloudwatch:PutMetricData",), ("*",), condition)

    def notices(self) -> Grant:
        """Tell on-call."""
        return _grant("sns", ["Publish"], self._arns.topic)

    def schedules(self, *actions: str) -> Grant:
        """On schedules of migrations."""
        return _grant("scheduler", actions, self._arns.schedules)

    def executions(self) -> Grant:
        """Ask whether an execution lives."""
        return _grant("states", ["DescribeExecution"], self._arns.executions)

    def history(self) -> Grant:
        """Read what an execution did."""
        return _grant("states", ["GetExecutionHistory"], self._arns.executions)

    def take_over(self) -> Grant:
        """Start the execution that takes over from a dead one."""
        return _grant("states", ["StartExecution"], self._arns.state_machine)

    def tokens(self, *actions: str) -> Grant:
        """Answer task tokens. The reference names no resource type for it, but AWS checks the token's state machine.

        (CDK's StateMachine.grantTaskResponse, aws/aws-cdk#8486.)
        """
        return _grant("states", actions, self._arns.state_machine)

    def pass_to_dms(self) -> Grant:
        """Hand DMS the role that reads its secrets."""
        # DMS takes this role as its regional principal (service_roles.dms_secrets_role).
        return self._pass(DMS_SECRETS_ROLE, "dms.amazonaws.com", f"dms.{self._arns.settings.region}.amazonaws.com")

    def pass_to_scheduler(self) -> Grant:
        """Hand Scheduler the role that calls the functions."""
        return self._pass(SCHEDULER_ROLE, "scheduler.amazonaws.com")

    def both_databases(self) -> list[Grant]:
        """Passwords of both sides."""
        return [self.source_secrets(), self.cluster_secrets("GetSecretValue"), *self.keys("Decrypt")]

    def scheduling(self) -> list[Grant]:
        """Schedules that begin; those that happen once end themselves."""
        return [self.schedules("CreateSchedule"), self.pass_to_scheduler()]

    def retiring_dms(self) -> list[Grant]:
        """Stop and delete everything of DMS."""
        return [
            self.dms("task", "StopReplicationTask", "DeleteReplicationTask"),
            self.dms("endpoint", "DeleteEndpoint"),
            self.dms("rep", "DeleteReplicationInstance"),
            self.dms("subgrp", "DeleteReplicationSubnetGroup"),
            self.anywhere("dms:DescribeEndpoints", "dms:DescribeReplicationInstances", "dms:DescribeReplicationTasks"),
        ]

    def _pass(self, role: str, *services: str) -> Grant:
        condition = {"StringEquals": {"iam:PassedToService": list(services)}}
        return Grant(("iam:PassRole",), (self._arns.role(role),), condition)


def _grant(service: str, actions: Sequence[str], resources: Sequence[str]) -> Grant:
    return Grant(tuple(f"{service}:{action}" for action in actions), tuple(resources))
