"""The engine catalogue: which versions exist, what they upgrade to, and what Serverless v2 offers on them.

The real servers are PostgreSQL 18.4; the other versions exist so that requests can be right or wrong about them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account.rds import checks
from rehearsal.account.rds.fleet import ZONES, View, arn
from rehearsal.account.wire import ApiError

POSTGRES, AURORA = "postgres", "aurora-postgresql"
SERVERLESS = "db.serverless"
_SERVERLESS_SINCE = {13: 6, 14: 3, 15: 2}
_PAUSE_SINCE = {13: 15, 14: 12, 15: 7, 16: 3}
_MINORS = {
    POSTGRES: {
        12: (22,),
        13: (20, 22, 23),
        14: (18, 20),
        15: (13, 15),
        16: (8, 9, 10, 11),
        17: (4, 6, 7),
        18: (1, 3, 4),
    },
    AURORA: {13: (20, 22), 14: (18, 20), 15: (13, 15), 16: (8, 10, 11), 17: (4, 6, 7), 18: (3, 4)},
}
_CLASSES = {
    POSTGRES: ("db.t4g.micro", "db.t4g.medium", "db.m6g.large", "db.m7g.large", "db.r6g.large", "db.r7g.large"),
    AURORA: (SERVERLESS, "db.t4g.medium", "db.r6g.large", "db.r7g.large", "db.r7g.xlarge"),
}


@dataclass(frozen=True, order=True)
class EngineVersion:
    """A PostgreSQL version such as 18.6; ordered."""

    major: int
    minor: int

    @classmethod
    def parse(cls, text: str) -> EngineVersion:
        """Raises ValueError for anything but `major.minor`."""
        major, minor = text.split(".")
        return cls(int(major), int(minor))

    def __str__(self) -> str:
        return f"{self.major}.{self.minor}"


def catalogue(engine: str) -> list[EngineVersion]:
    """All versions of an engine, oldest first; none for an engine that is not emulated."""
    return [EngineVersion(major, minor) for major, minors in _MINORS.get(engine, {}).items() for minor in minors]


def default_version(engine: str) -> EngineVersion:
    """The newest: what the real servers are."""
    return catalogue(engine)[-1]


def require(engine: str, text: str | None) -> EngineVersion:
    """The asked version, a major alone meaning its newest minor. Raises InvalidParameterValue/Combination."""
    if engine not in _MINORS:
        raise ApiError("InvalidParameterValue", f"Invalid DB engine: {engine}")
    if text is None:
        return default_version(engine)
    found = [version for version in catalogue(engine) if str(version) == text or str(version.major) == text]
    if not found:
        raise ApiError("InvalidParameterCombination", f"Cannot find version {text} for {engine}")
    return found[-1]


def require_class(engine: str, name: str) -> str:
    """Raises InvalidParameterValue for a class the engine is not offered on."""
    if not name.startswith("db."):
        raise ApiError("InvalidParameterValue", f"Invalid DB Instance class: {name}")
    if name not in _CLASSES[engine]:
        raise ApiError(
            "InvalidParameterCombination",
            f"RDS does not support creating a DB instance with the following combination: DBInstanceClass={name}, "
            f"Engine={engine}. For supported combinations of instance class and database engine version, see the "
            "documentation.",
        )
    return name


def family(engine: str, version: EngineVersion) -> str:
    """The parameter group family, such as aurora-postgresql18."""
    return f"{engine}{version.major}"


def serverless_limits(version: EngineVersion) -> tuple[float, float] | None:
    """Least and most ACU on an Aurora version, None when it has no Serverless v2 (AWS_RULES R1.6, R4.1)."""
    if version.minor < _SERVERLESS_SINCE.get(version.major, 0):
        return None
    least = 0.0 if version.minor >= _PAUSE_SINCE.get(version.major, 0) else 0.5
    return least, 256.0


def describe_engine_versions(request: Mapping[str, Any]) -> View:
    """DescribeDBEngineVersions."""
    engines = [request["Engine"]] if "Engine" in request else list(_MINORS)
    asked = request.get("EngineVersion")
    views = [
        _view(engine, version)
        for engine in engines
        for version in catalogue(engine)
        if asked in (None, str(version), str(version.major))
        and request.get("DBParameterGroupFamily") in (None, family(engine, version))
        and (not request.get("DefaultOnly") or version == default_version(engine))
    ]
    return checks.page(request, "DBEngineVersions", views, lambda view: (view["Engine"], _order(view["EngineVersion"])))


def describe_orderable_options(request: Mapping[str, Any]) -> View:
    """DescribeOrderableDBInstanceOptions."""
    engine = request["Engine"]
    asked, name = request.get("EngineVersion"), request.get("DBInstanceClass")
    views = [
        _option(engine, version, offered)
        for version in catalogue(engine)
        for offered in _CLASSES.get(engine, ())
        if asked in (None, str(version)) and name in (None, offered)
    ]
    return checks.page(
        request,
        "OrderableDBInstanceOptions",
        views,
        lambda view: (_order(view["EngineVersion"]), view["DBInstanceClass"]),
    )


def _order(version: str) -> str:
    return "{:03d}.{:03d}".format(*map(int, version.split(".")))


def _view(engine: str, version: EngineVersion) -> View:
    view: View = {
        "Engine": engine,
        "MajorEngineVersion": str(version.major),
        "EngineVersion": str(version),
        "DBParameterGroupFamily": family(engine, version),
        "DBEngineDescription": "PostgreSQL" if engine == POSTGRES else "Aurora PostgreSQL",
        "DBEngineVersionDescription": f"{'PostgreSQL' if engine == POSTGRES else 'Aurora PostgreSQL'} {version}",
        "DBEngineVersionArn": arn("engine-version", f"{engine}/{version}"),
        "ValidUpgradeTarget": _upgrades(engine, version),
        "ExportableLogTypes": ["postgresql", "iam-db-auth-error", *(["upgrade"] if engine == POSTGRES else [])],
        "SupportsLogExportsToCloudwatchLogs": True,
        "SupportsReadReplica": engine == POSTGRES,
        "SupportedEngineModes": ["provisioned"],
        "SupportedFeatureNames": [],
        "Status": "available",
        "SupportsGlobalDatabases": engine == AURORA,
        "TagList": [],
    }
    limits = serverless_limits(version) if engine == AURORA else None
    if limits:
        view["ServerlessV2FeaturesSupport"] = {"MinCapacity": limits[0], "MaxCapacity": limits[1]}
    return view


def _upgrades(engine: str, version: EngineVersion) -> list[View]:
    """Newer versions of the same engine, and for postgres the Aurora versions it can migrate to (AWS_RULES R1.5)."""
    own = [(engine, newer) for newer in catalogue(engine) if newer > version]
    aurora = catalogue(AURORA) if engine == POSTGRES else []
    across = [(AURORA, newer) for newer in aurora if newer.major == version.major and newer.minor >= version.minor]
    return [
        {
            "Engine": name,
            "EngineVersion": str(newer),
            "Description": f"{name} {newer}",
            "AutoUpgrade": False,
            "IsMajorVersionUpgrade": newer.major != version.major,
        }
        for name, newer in own + across
    ]


def _option(engine: str, version: EngineVersion, name: str) -> View:
    aurora = engine == AURORA
    return {
        "Engine": engine,
        "EngineVersion": str(version),
        "DBInstanceClass": name,
        "LicenseModel": "postgresql-license",
        "AvailabilityZones": [{"Name": zone} for zone in ZONES],
        "MultiAZCapable": not aurora,
        "ReadReplicaCapable": not aurora,
        "Vpc": True,
        "SupportsStorageEncryption": True,
        "StorageType": "aurora" if aurora else "gp3",
        "SupportsEnhancedMonitoring": True,
        "SupportsIAMDatabaseAuthentication": True,
        "SupportsPerformanceInsights": True,
        "SupportedEngineModes": ["provisioned"],
        "SupportedNetworkTypes": ["IPV4"],
        "SupportsClusters": aurora,
    }
