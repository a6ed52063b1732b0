"""Names and ARNs of what the app owns and may touch: fixed, so that they are known before the resource is made."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stacks.settings import Settings

STATE_MACHINE = "crossfade-migrate"
LEDGER_TABLE = "crossfade-ledger"
ALERTS_TOPIC = "crossfade-alerts"
SCHEDULE_GROUP = "crossfade"
DEAD_LETTER_QUEUE = "crossfade-dead-letters"
SCHEDULER_ROLE = "scheduler"
DMS_SECRETS_ROLE = "dms-secrets"
METRIC_NAMESPACE = "Crossfade"
SOURCES_PREFIX = "/crossfade/sources/"
WRITER_PREFIX = "/crossfade/"


def function_name(name: str) -> str:
    """`CutOver` → `crossfade-cut-over`."""
    return "crossfade-" + _words(name, "-")


def module_name(name: str) -> str:
    """`CutOver` → `cut_over`."""
    return _words(name, "_")


def _words(name: str, separator: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", separator, name).lower()


@dataclass(frozen=True)
class Arns:
    """ARNs in the account and region of the settings; `crossfade-*` belongs to migrations (model.resource_prefix)."""

    settings: Settings

    def here(self, service: str, resource: str) -> str:
        """`rds`, `cluster:crossfade-*` → its ARN in this account and region."""
        return f"arn:{self.settings.partition}:{service}:{self.settings.region}:{self.settings.account}:{resource}"

    def role_name(self, name: str) -> str:
        """`CutOver` → `crossfade-cut-over-us-east-1`: roles are global, the app is deployed once a region."""
        return f"{function_name(name)}-{self.settings.region}"

    def role(self, name: str) -> str:
        """ARN of a role of this app."""
        return f"arn:{self.settings.partition}:iam::{self.settings.account}:role/{self.role_name(name)}"

    def function(self, name: str) -> str:
        """ARN of the function of a state, an operation or an event."""
        return self.here("lambda", f"function:{function_name(name)}")

    def rds(self, kind: str) -> list[str]:
        """Ours of a kind, in IAM's words: `db`, `cluster`, `snapshot`, `cluster-snapshot`, `pg`, `cluster-pg`."""
        names = ["crossfade-*"]
        chosen = [name for source in self.settings.sources for name in source.target_cluster_ids]
        if kind == "cluster":
            names += chosen
        if kind == "db":
            names += [f"{name}-{number}" for name in chosen for number in (1, 2)]
        return [self.here("rds", f"{kind}:{name}") for name in names]

    def dms(self, *kinds: str) -> list[str]:
        """All of these kinds: DMS makes the last part of `rep`, `endpoint` and `task` ARNs itself."""
        return [self.here("dms", f"{kind}:*") for kind in kinds]

    @property
    def source_instances(self) -> list[str]:
        """The DB instances that may be migrated."""
        return [self.here("rds", f"db:{source.instance_id.lower()}") for source in self.settings.sources]

    @property
    def source_secrets(self) -> list[str]:
        """Secrets of master and application users."""
        return sorted({arn for s in self.settings.sources for arn in (s.master_secret_arn, s.application_secret_arn)})

    @property
    def dms_secrets(self) -> list[str]:
        """Secrets made for DMS: `crossfade/<migrationId>/source` and `/target`."""
        return [self.here("secretsmanager", "secret:crossfade/*")]

    @property
    def cluster_secrets(self) -> list[str]:
        """Secrets in which RDS keeps master passwords of clusters, under names of its own."""
        return [self.here("secretsmanager", "secret:rds!cluster-*")]

    @property
    def hosted_zones(self) -> list[str]:
        """The zones of the writer and reader names."""
        zones = sorted({source.hosted_zone_id for source in self.settings.sources})
        return [f"arn:{self.settings.partition}:route53:::hostedzone/{zone}" for zone in zones]

    @property
    def dns_changes(self) -> list[str]:
        """Route 53 change ids, which GetChange asks for."""
        return [f"arn:{self.settings.partition}:route53:::change/*"]

    @property
    def ledger(self) -> list[str]:
        """The DynamoDB table."""
        return [self.here("dynamodb", f"table/{LEDGER_TABLE}")]

    @property
    def topic(self) -> list[str]:
        """Where on-call listens."""
        return [self.here("sns", ALERTS_TOPIC)]

    @property
    def dead_letters(self) -> str:
        """The one dead-letter queue."""
        return self.here("sqs", DEAD_LETTER_QUEUE)

    @property
    def schedules(self) -> list[str]:
        """Schedules of migrations."""
        return [self.here("scheduler", f"schedule/{SCHEDULE_GROUP}/crossfade-*")]

    @property
    def source_parameters(self) -> list[str]:
        """SSM parameters with the settings of a source. All: asking for an unknown one must end in "not found"."""
        return [self.here("ssm", f"parameter{SOURCES_PREFIX}*")]

    @property
    def writer_parameters(self) -> list[str]:
        """SSM parameters in which applications find the writer."""
        return [self.here("ssm", f"parameter{WRITER_PREFIX}{source.name}/writer") for source in self.settings.sources]

    @property
    def state_machine(self) -> list[str]:
        """The migration itself."""
        return [self.here("states", f"stateMachine:{STATE_MACHINE}")]

    @property
    def executions(self) -> list[str]:
        """Executions of the state machine."""
        return [self.here("states", f"execution:{STATE_MACHINE}:*")]
