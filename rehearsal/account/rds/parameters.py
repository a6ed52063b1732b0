"""Parameter groups of instances and clusters: made, changed, described, and brought to the servers that use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account.rds import checks, databases, tagging, versions
from rehearsal.account.rds.fleet import Fleet, Instance, ParameterGroup, View, arn, bare_name
from rehearsal.account.rds.parameter_catalogue import Parameter, of_family
from rehearsal.account.wire import ApiError


@dataclass(frozen=True)
class Kind:
    """One of the two kinds of parameter group, by the words its operations use."""

    of_cluster: bool

    @property
    def prefix(self) -> str:
        return "DBClusterParameterGroup" if self.of_cluster else "DBParameterGroup"

    def groups(self, fleet: Fleet) -> dict[str, ParameterGroup]:
        """The groups the user made."""
        return fleet.cluster_parameter_groups if self.of_cluster else fleet.parameter_groups

    def arn(self, name: str) -> str:
        return arn("cluster-pg" if self.of_cluster else "pg", name)


OF_CLUSTER, OF_INSTANCE = Kind(of_cluster=True), Kind(of_cluster=False)


def find(fleet: Fleet, kind: Kind, name: str) -> ParameterGroup:
    """A group by name, the default groups included. Raises DBParameterGroupNotFound (both kinds have that code)."""
    found = kind.groups(fleet).get(bare_name(name)) or _default(kind, name)
    if found is None:
        raise ApiError("DBParameterGroupNotFound", f"{kind.prefix} not found: {name}")
    return found


def require(fleet: Fleet, kind: Kind, name: str | None, family: str) -> str:
    """The name of the group to use, the family's default when None.

    Raises DB(Cluster)ParameterGroupNotFound, or InvalidParameterCombination for a group of another family.
    """
    try:
        group = find(fleet, kind, name or f"default.{family}")
    except ApiError as error:
        raise ApiError(f"{kind.prefix}NotFound", error.message) from error
    actual = group.view["DBParameterGroupFamily"]
    if actual != family:
        raise ApiError(
            "InvalidParameterCombination",
            f"The Parameter Group {name} with DBParameterGroupFamily {actual} cannot be used for this instance. Please "
            f"use a Parameter Group with DBParameterGroupFamily {family}",
        )
    return str(group.view[f"{kind.prefix}Name"])


def values(fleet: Fleet, kind: Kind, name: str) -> dict[str, str]:
    """All values of a group: the family's defaults with the user's over them."""
    group = find(fleet, kind, name)
    family = of_family(group.view["DBParameterGroupFamily"], of_cluster=kind.of_cluster)
    defaults = {one.name: one.default for one in family.values() if one.default is not None}
    return {**defaults, **group.values}


def effective(fleet: Fleet, instance: Instance) -> dict[str, str]:
    """What the groups of an instance say now; on Aurora its own group's settings go over the cluster group's."""
    own = instance.view["DBParameterGroups"][0]["DBParameterGroupName"]
    if instance.cluster is None:
        return values(fleet, OF_INSTANCE, own)
    cluster = fleet.cluster(instance.cluster)
    shared = values(fleet, OF_CLUSTER, cluster.view["DBClusterParameterGroup"])
    return {**shared, **find(fleet, OF_INSTANCE, own).values}


def create(fleet: Fleet, kind: Kind, request: Mapping[str, Any]) -> View:
    """CreateDBParameterGroup, CreateDBClusterParameterGroup."""
    name = checks.identifier(request[f"{kind.prefix}Name"], f"{kind.prefix}Name", longest=255)
    family = request["DBParameterGroupFamily"]
    _require_family(kind, family)
    with fleet.lock:
        if name in kind.groups(fleet):
            raise ApiError("DBParameterGroupAlreadyExists", f"Parameter group {name} already exists")
        view = {
            f"{kind.prefix}Name": name,
            "DBParameterGroupFamily": family,
            "Description": request["Description"],
            f"{kind.prefix}Arn": kind.arn(name),
        }
        kind.groups(fleet)[name] = ParameterGroup(view)
    tagging.put(fleet, kind.arn(name), request)
    return {kind.prefix: view}


def describe_groups(fleet: Fleet, kind: Kind, request: Mapping[str, Any]) -> View:
    """DescribeDBParameterGroups, DescribeDBClusterParameterGroups."""
    name = request.get(f"{kind.prefix}Name")
    groups = [find(fleet, kind, name)] if name else list(kind.groups(fleet).values())
    return checks.page(request, f"{kind.prefix}s", [g.view for g in groups], lambda view: view[f"{kind.prefix}Name"])


def describe(fleet: Fleet, kind: Kind, request: Mapping[str, Any]) -> View:
    """DescribeDBParameters, DescribeDBClusterParameters; `Source` is user or engine-default."""
    group = find(fleet, kind, request[f"{kind.prefix}Name"])
    family = of_family(group.view["DBParameterGroupFamily"], of_cluster=kind.of_cluster)
    views = [_parameter_view(one, group.values) for one in family.values()]
    wanted = request.get("Source")
    shown = [view for view in views if wanted in (None, view["Source"])]
    return checks.page(request, "Parameters", shown, lambda view: view["ParameterName"])


def modify(fleet: Fleet, kind: Kind, request: Mapping[str, Any]) -> View:
    """ModifyDBParameterGroup, ModifyDBClusterParameterGroup: at most 20 parameters, all of them or none."""
    name = bare_name(request[f"{kind.prefix}Name"])
    group = find(fleet, kind, name)
    if name not in kind.groups(fleet):
        raise ApiError("InvalidDBParameterGroupState", f"Default parameter group {name} cannot be modified")
    changes = request["Parameters"]
    if len(changes) > 20:
        raise ApiError("InvalidParameterValue", "A maximum of 20 parameters can be modified in a single request")
    family = of_family(group.view["DBParameterGroupFamily"], of_cluster=kind.of_cluster)
    for change in changes:
        _check_change(family, change)
    now, later = _by_method(changes)
    with fleet.lock:
        group.values.update(now | later)
        users = list(_users(fleet, kind, name))
        for instance in users:
            instance.parameters.apply_now(now)
            instance.parameters.want(later, of_cluster=kind.of_cluster)
    for instance in users if now else ():
        databases.apply_parameters(instance, restart=False)
    return {f"{kind.prefix}Name": name}


def delete(fleet: Fleet, kind: Kind, request: Mapping[str, Any]) -> View:
    """DeleteDBParameterGroup, DeleteDBClusterParameterGroup; refused while something uses the group."""
    name = bare_name(request[f"{kind.prefix}Name"])
    find(fleet, kind, name)
    with fleet.lock:
        if name not in kind.groups(fleet):
            raise ApiError("InvalidDBParameterGroupState", f"Default parameter group {name} cannot be deleted")
        used = kind.of_cluster and any(c.view["DBClusterParameterGroup"] == name for c in fleet.clusters.values())
        if used or any(_users(fleet, kind, name)):
            message = "One or more database instances are still members of this parameter group"
            raise ApiError("InvalidDBParameterGroupState", f"{message} {name}, so the group cannot be deleted")
        del kind.groups(fleet)[name]
    return {}


def _users(fleet: Fleet, kind: Kind, name: str) -> Iterable[Instance]:
    for instance in fleet.instances.values():
        cluster = fleet.clusters.get(instance.cluster) if instance.cluster else None
        if kind.of_cluster:
            if cluster is not None and cluster.view["DBClusterParameterGroup"] == name:
                yield instance
        elif instance.view["DBParameterGroups"][0]["DBParameterGroupName"] == name:
            yield instance


def _check_change(family: Mapping[str, Parameter], change: Mapping[str, Any]) -> None:
    name = change.get("ParameterName", "")
    if name not in family:
        raise ApiError("InvalidParameterValue", f"Could not find parameter with name: {name}")
    parameter = family[name]
    if not parameter.modifiable:
        raise ApiError("InvalidParameterValue", f"The parameter {name} cannot be modified.")
    if "ParameterValue" not in change or "ApplyMethod" not in change:
        raise ApiError("InvalidParameterCombination", f"ParameterValue and ApplyMethod are required for {name}")
    if change["ApplyMethod"] == "immediate" and parameter.apply_type == "static":
        message = "cannot use immediate apply method for static parameter"
        raise ApiError("InvalidParameterCombination", f"{message}: {name}")
    if not _allowed(parameter, change["ParameterValue"]):
        allowed = f"allowed values are: {parameter.allowed}"
        raise ApiError(
            "InvalidParameterValue", f"Invalid parameter value: {change['ParameterValue']} for: {name} {allowed}"
        )


def _allowed(parameter: Parameter, value: str) -> bool:
    if parameter.allowed is None or "{" in value:
        return True
    if "," in parameter.allowed:
        return value in parameter.allowed.split(",")
    least, _, most = parameter.allowed.rpartition("-")
    try:
        return parameter.data_type == "float" or int(least) <= int(value) <= int(most)
    except ValueError:
        return False


def _by_method(changes: Iterable[Mapping[str, Any]]) -> tuple[dict[str, str], dict[str, str]]:
    now: dict[str, str] = {}
    later: dict[str, str] = {}
    for change in changes:
        (now if change["ApplyMethod"] == "immediate" else later)[change["ParameterName"]] = change["ParameterValue"]
    return now, later


def _parameter_view(parameter: Parameter, own: Mapping[str, str]) -> View:
    view: View = {
        "ParameterName": parameter.name,
        "ParameterValue": own.get(parameter.name, parameter.default),
        "Source": "user" if parameter.name in own else "engine-default",
        "ApplyType": parameter.apply_type,
        "DataType": parameter.data_type,
        "AllowedValues": parameter.allowed,
        "IsModifiable": parameter.modifiable,
        "ApplyMethod": "pending-reboot",
    }
    return {name: value for name, value in view.items() if value is not None}


def _families(kind: Kind) -> set[str]:
    engines = (versions.AURORA,) if kind.of_cluster else (versions.POSTGRES, versions.AURORA)
    return {versions.family(engine, version) for engine in engines for version in versions.catalogue(engine)}


def _require_family(kind: Kind, family: str) -> None:
    if family not in _families(kind):
        raise ApiError("InvalidParameterValue", f"ParameterGroupFamily {family} is not a valid parameter group family")


def _default(kind: Kind, name: str) -> ParameterGroup | None:
    family = name.removeprefix("default.")
    if not name.startswith("default.") or family not in _families(kind):
        return None
    description = f"Default parameter group for {family}"
    view = {f"{kind.prefix}Name": name, "DBParameterGroupFamily": family, "Description": description}
    return ParameterGroup({**view, f"{kind.prefix}Arn": kind.arn(name)})
