"""Typed settings of the app, read from the cdk.json context key `crossfade` (each is explained in docs/settings.md).

A wrong or missing setting raises `SettingsError`: one sentence that names the key and says what to write there.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# The periods CloudWatch Logs accepts, in days (PutRetentionPolicy).
_UP_TO_HALF_A_YEAR = (1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180)
LOG_RETENTION_DAYS = (*_UP_TO_HALF_A_YEAR, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653)

SECRET_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):secretsmanager:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):secret:[\w/+=.@!-]+"
)
KMS_KEY_ARN = re.compile(r"arn:aws[a-z-]*:kms:[a-z0-9-]+:\d{12}:key/[\w-]+")
VPC_ID = re.compile(r"vpc-[0-9a-z]+")
SUBNET_ID = re.compile(r"subnet-[0-9a-z]+")
SECURITY_GROUP_ID = re.compile(r"sg-[0-9a-z]+")
HOST_NAME = re.compile(r"(?=.{1,253}$)([a-z0-9_]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z0-9-]+")


class SettingsError(Exception):
    """One sentence: which key of the settings is wrong, and what belongs there."""


@dataclass(frozen=True)
class NetworkSettings:
    """Where the functions that talk to databases are attached (docs/network.md)."""

    vpc_id: str
    subnet_ids: tuple[str, ...]
    security_group_ids: tuple[str, ...]


@dataclass(frozen=True)
class SourceSettings:
    """One RDS instance that may be migrated, under the name an execution's input gives it."""

    name: str
    instance_id: str
    database_name: str
    master_secret_arn: str
    application_secret_arn: str
    writer_name: str
    reader_name: str
    hosted_zone_id: str
    target_cluster_ids: tuple[str, ...] = ()

    def for_functions(self) -> dict[str, object]:
        """What the functions read from the source's SSM parameter: SourceSettings of lambdas/migration/model.py."""
        return {
            "instanceId": self.instance_id,
            "databaseName": self.database_name,
            "masterSecretArn": self.master_secret_arn,
            "applicationSecretArn": self.application_secret_arn,
            "writerName": self.writer_name,
            "readerName": self.reader_name,
            "hostedZoneId": self.hosted_zone_id,
            "targetClusterIds": list(self.target_cluster_ids),
        }


@dataclass(frozen=True)
class Settings:
    """Everything the app is deployed with. `partition`, `region` and `account` are those of the sources' secrets."""

    partition: str
    region: str
    account: str
    alert_email: str
    network: NetworkSettings
    sources: tuple[SourceSettings, ...]
    create_dms_roles: bool
    log_retention_days: int
    tracing: bool
    database_ca_file: Path | None
    kms_key_arns: tuple[str, ...]


def load_settings(context: Any, root: Path) -> Settings:
    """The context value `crossfade` → settings: an object, or the path of a JSON file that holds one.

    The path form is `cdk deploy -c crossfade=production.json`, relative to `root`. Raises SettingsError.
    """
    if isinstance(context, str):
        context = _from_file(root / context)
    if not isinstance(context, Mapping):
        raise SettingsError(
            'cdk.json has no context key "crossfade": add the object described in docs/settings.md, '
            "or name a file with -c crossfade=FILE."
        )
    return _settings(_Object("crossfade", context), root)


def _from_file(path: Path) -> Any:
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        raise SettingsError(f"the context key crossfade names the file {path}, which does not exist.") from None
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path} is not JSON: {error}.") from None


def _settings(found: _Object, root: Path) -> Settings:
    network = found.child("network")
    sources = _sources(found.child("sources"))
    partition, region, account = _place(sources)
    settings = Settings(
        partition=partition,
        region=region,
        account=account,
        alert_email=found.text("alertEmail", re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+"), "an e-mail address for alerts"),
        network=NetworkSettings(
            vpc_id=network.text("vpcId", VPC_ID, "the id of a VPC, such as vpc-0a1b2c3d"),
            subnet_ids=network.texts("subnetIds", SUBNET_ID, "ids of private subnets in two zones", 2),
            security_group_ids=network.texts("securityGroupIds", SECURITY_GROUP_ID, "ids of security groups", 1),
        ),
        sources=sources,
        create_dms_roles=found.flag("createDmsRoles", default=True),
        log_retention_days=found.choice("logRetentionDays", LOG_RETENTION_DAYS, default=90),
        tracing=found.flag("tracing", default=False),
        database_ca_file=found.file("databaseCaFile", root),
        kms_key_arns=found.texts("kmsKeyArns", KMS_KEY_ARN, "ARNs of KMS keys", 0),
    )
    network.refuse_unknown()
    found.refuse_unknown()
    return settings


def _sources(found: _Object) -> tuple[SourceSettings, ...]:
    if not found.values:
        raise SettingsError(f"{found.path} is empty: describe at least one source database there (docs/settings.md).")
    return tuple(_source(name, found.child(name)) for name in found.values)


def _source(name: str, found: _Object) -> SourceSettings:
    # The name is part of AWS identifiers: resource_prefix of lambdas/migration/model.py.
    if not re.fullmatch(r"[a-z](-?[a-z0-9]){0,39}", name):
        raise SettingsError(
            f"{found.path} is not a usable name: take lower-case letters, digits and single hyphens, "
            "beginning with a letter, at most 40 characters."
        )
    identifier = re.compile(r"[A-Za-z](-?[A-Za-z0-9])*")
    source = SourceSettings(
        name=name,
        instance_id=found.text("instanceId", identifier, "the DB instance identifier in RDS"),
        database_name=found.text("databaseName", re.compile(r"[\w$-]{1,63}"), "the name of the database to move"),
        master_secret_arn=found.text("masterSecretArn", SECRET_ARN, "the ARN of the master user's secret"),
        application_secret_arn=found.text(
            "applicationSecretArn", SECRET_ARN, "the ARN of the application user's secret"
        ),
        writer_name=found.text("writerName", HOST_NAME, "the host name the application writes to"),
        reader_name=found.text("readerName", HOST_NAME, "the host name the application reads from"),
        hosted_zone_id=found.text("hostedZoneId", re.compile(r"Z[A-Z0-9]+"), "the id of the zone of both names"),
        target_cluster_ids=found.texts("targetClusterIds", identifier, "cluster identifiers", 0),
    )
    found.refuse_unknown()
    if source.writer_name == source.reader_name:
        raise SettingsError(
            f"{found.path}.readerName equals writerName: reads and writes move apart, so give them two names."
        )
    return source


def _place(sources: tuple[SourceSettings, ...]) -> tuple[str, str, str]:
    """The one partition, region and account of all secrets, hence of the stack: elsewhere it could not read them."""
    places = {}
    for source in sources:
        for key, arn in (
            ("masterSecretArn", source.master_secret_arn),
            ("applicationSecretArn", source.application_secret_arn),
        ):
            match = SECRET_ARN.fullmatch(arn)
            assert match is not None
            places[match["partition"], match["region"], match["account"]] = f"crossfade.sources.{source.name}.{key}"
    if len(places) > 1:
        first, second = list(places.values())[:2]
        raise SettingsError(f"{first} and {second} lie in different accounts or regions: deploy one app for each.")
    return next(iter(places))


class _Object:
    """A JSON object with its path in the settings; remembers which keys were asked for."""

    def __init__(self, path: str, values: Mapping[str, Any]) -> None:
        self.path = path
        self.values = values
        self._asked: set[str] = set()

    def child(self, key: str) -> _Object:
        value = self._get(key)
        if not isinstance(value, Mapping):
            raise self._error(key, "must be an object", value)
        return _Object(f"{self.path}.{key}", value)

    def text(self, key: str, pattern: re.Pattern[str], what: str) -> str:
        value = self._get(key)
        if not isinstance(value, str) or not pattern.fullmatch(value):
            raise self._error(key, f"must be {what}", value)
        return value

    def texts(self, key: str, pattern: re.Pattern[str], what: str, at_least: int) -> tuple[str, ...]:
        value = self._get(key) or []
        good = isinstance(value, list) and all(isinstance(item, str) and pattern.fullmatch(item) for item in value)
        if not good or len(set(value)) < at_least:
            raise self._error(key, f"must be a list of {what}" + (f", at least {at_least}" if at_least else ""), value)
        return tuple(value)

    def flag(self, key: str, *, default: bool) -> bool:
        value = self._get(key)
        if not isinstance(value, bool | None):
            raise self._error(key, "must be true or false", value)
        return default if value is None else value

    def choice(self, key: str, choices: tuple[int, ...], default: int) -> int:
        value = self._get(key)
        if value is not None and (isinstance(value, bool) or value not in choices):
            raise self._error(key, f"must be one of {', '.join(map(str, choices))}", value)
        return default if value is None else int(value)

    def file(self, key: str, root: Path) -> Path | None:
        value = self._get(key)
        if value is None:
            return None
        if not isinstance(value, str) or not (root / value).is_file():
            raise self._error(key, "must be the path of an existing PEM file", value)
        return root / value

    def refuse_unknown(self) -> None:
        unknown = sorted(set(self.values) - self._asked)
        if unknown:
            known = ", ".join(sorted(self._asked))
            raise SettingsError(f"{self.path}.{unknown[0]} is not a setting: known here are {known}.")

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        return self.values.get(key)

    def _error(self, key: str, rule: str, value: Any) -> SettingsError:
        found = "it is missing" if value is None else f"found {json.dumps(value)}"
        return SettingsError(f"{self.path}.{key} {rule}; {found}.")
