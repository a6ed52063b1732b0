"""The words of a migration as frozen dataclasses, and their JSON form at the boundary.

Keys are camelCase; there are no secrets, only ARNs.

`MigrationPlan` is the result of `AssessSource` and lies under `$.plan` for every later state.
"""

from __future__ import annotations

import dataclasses
import hashlib
import re
import types
import typing
from dataclasses import dataclass, field
from typing import Any, TypeVar

READ_SHIFT_STEPS = (1, 5, 10, 25, 50, 100)
_Model = TypeVar("_Model")


@dataclass(frozen=True)
class SourceSettings:
    """What the app was deployed with for one source (cdk.json context; SSM parameter `/crossfade/sources/<name>`).

    `target_cluster_ids` are cluster names an execution may choose; the functions have permissions for these only.
    """

    instance_id: str
    database_name: str
    master_secret_arn: str
    application_secret_arn: str
    writer_name: str
    reader_name: str
    hosted_zone_id: str
    target_cluster_ids: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """The RDS instance as it was found. `host` and `port` are Endpoint.Address and Endpoint.Port."""

    name: str
    settings: SourceSettings
    instance_arn: str
    engine: str
    engine_version: str
    instance_class: str
    host: str
    port: int
    subnet_group: str
    subnet_ids: list[str]
    security_group_ids: list[str]
    parameter_group: str
    storage_encrypted: bool
    kms_key_id: str | None
    master_user: str
    application_roles: list[str]


@dataclass(frozen=True)
class Target:
    """The Aurora cluster to be made. Capacities in ACU, on the 0.5 grid (AWS_RULES R4.1)."""

    cluster_id: str
    engine: str
    engine_version: str
    parameter_group_family: str
    min_acu: float
    max_acu: float
    backup_retention_days: int = 7


@dataclass(frozen=True)
class ReadShift:
    """Reader weights in percent, strictly rising to 100, one step each interval."""

    steps: list[int] = field(default_factory=lambda: list(READ_SHIFT_STEPS))
    interval_minutes: int = 5


@dataclass(frozen=True)
class Options:
    """What the operator may choose per migration."""

    mode: str = "migrate"
    approval: str = "manual"
    read_shift: ReadShift = field(default_factory=ReadShift)
    bake_days: int = 7
    max_lag_seconds: int = 10
    stall_budget_ms: int = 5000


@dataclass(frozen=True)
class Finding:
    """One result of the assessment. Level: `blocker`, `warning` or `note`."""

    level: str
    subject: str
    message: str
    remedy: str


@dataclass(frozen=True)
class MigrationPlan:
    """What will be done, to what, and why.

    `migration_id` derives from the execution, so a retry or redrive finds its own work.
    """

    migration_id: str
    execution_arn: str
    source: Source
    target: Target
    options: Options
    method: str
    method_reason: str
    replication_instance_class: str
    findings: list[Finding]

    @property
    def resource_prefix(self) -> str:
        """Identifier of every AWS resource of this migration starts with this (≤ 45 characters)."""
        return f"crossfade-{self.migration_id}"


def migration_id_for(source: str, execution_arn: str) -> str:
    """`orders-db`, ARN → `orders-db-1f0c9a2b`: unique per execution, stable over retries and redrives."""
    return f"{source[:26].rstrip('-')}-{hashlib.sha256(execution_arn.encode()).hexdigest()[:8]}"


def to_json(value: Any) -> Any:
    """Dataclass → JSON-ready value with camelCase keys; `None` fields are left out."""
    if dataclasses.is_dataclass(value):
        pairs = ((f.name, getattr(value, f.name)) for f in dataclasses.fields(value))
        return {camel(name): to_json(item) for name, item in pairs if item is not None}
    if isinstance(value, (list, tuple)):
        return [to_json(item) for item in value]
    return value


def from_json(kind: type[_Model], value: Any) -> _Model:
    """JSON value → dataclass of `kind`; unknown keys are ignored (a newer version may have added them).

    Raises KeyError naming a missing required key.
    """
    return typing.cast(_Model, _decode(kind, value))


def camel(name: str) -> str:
    """`max_lag_seconds` → `maxLagSeconds`."""
    return re.sub(r"_([a-z0-9])", lambda m: m.group(1).upper(), name)


def _decode(kind: Any, value: Any) -> Any:
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return None if value is None else _decode(next(a for a in arguments if a is not type(None)), value)
    if origin is list:
        return [_decode(arguments[0], item) for item in value]
    if not dataclasses.is_dataclass(kind):
        return value
    hints = typing.get_type_hints(kind)
    fields = [f for f in dataclasses.fields(kind) if camel(f.name) in value or _has_no_default(f)]
    missing = [
        camel(f.name) for f in fields if camel(f.name) not in value and type(None) not in typing.get_args(hints[f.name])
    ]
    if missing:
        raise KeyError(f"{kind} lacks {', '.join(missing)}")
    return typing.cast(Any, kind)(**{f.name: _decode(hints[f.name], value.get(camel(f.name))) for f in fields})


def _has_no_default(item: dataclasses.Field[Any]) -> bool:
    return item.default is dataclasses.MISSING and item.default_factory is dataclasses.MISSING
