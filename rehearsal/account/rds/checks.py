"""What RDS refuses before it does anything: identifiers, paging, ranges. Codes and wording are AWS's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rehearsal.account.wire import ApiError

_IDENTIFIER = re.compile(r"[a-z](?:-?[a-z0-9])*", re.IGNORECASE)
_LIFECYCLE = ("open-source-rds-extended-support", "open-source-rds-extended-support-disabled")


def identifier(name: str, parameter: str, *, longest: int = 63) -> str:
    """The name in lower case. 1 to `longest` letters, digits or single hyphens, the first a letter, no hyphen last."""
    if len(name) > longest or not _IDENTIFIER.fullmatch(name):
        raise ApiError(
            "InvalidParameterValue",
            f"The parameter {parameter} is not a valid identifier. Identifiers must begin with a letter; must contain "
            "only ASCII letters, digits, and hyphens; and must not end with a hyphen or contain two consecutive "
            "hyphens.",
        )
    return name.lower()


def password(text: str) -> str:
    """A master password: 8 to 128 printable ASCII characters except `/`, `"`, `@` and space."""
    if not 8 <= len(text) <= 128:
        raise ApiError(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password because it is shorter than 8 or longer than 128 "
            "characters.",
        )
    if not re.fullmatch(r"[!-~]+", text) or set(text) & set('/"@'):
        raise ApiError(
            "InvalidParameterValue",
            "The parameter MasterUserPassword is not a valid password. Only printable ASCII characters besides '/', "
            "'@', '\"', ' ' may be used.",
        )
    return text


def lifecycle_support(request: Mapping[str, Any]) -> str:
    """EngineLifecycleSupport; absent means paid Extended Support (AWS_RULES R1.3)."""
    value = str(request.get("EngineLifecycleSupport", _LIFECYCLE[0]))
    if value not in _LIFECYCLE:
        raise ApiError("InvalidParameterValue", f"Invalid EngineLifecycleSupport: {value}")
    return value


def backup_retention(request: Mapping[str, Any], *, least: int) -> int | None:
    """BackupRetentionPeriod in days, `least` to 35."""
    days: int | None = request.get("BackupRetentionPeriod")
    if days is not None and not least <= days <= 35:
        raise ApiError(
            "InvalidParameterValue",
            f"Invalid backup retention period: {days}. Retention period must be between {least} and 35.",
        )
    return days


def port(request: Mapping[str, Any], only: int) -> None:
    """Refuse a Port this account cannot give: its servers share one port, so that DNS names alone move clients."""
    if request.get("Port", only) != only:
        raise ApiError("InvalidParameterValue", f"Every server of this account listens on port {only}: leave Port out.")


def none_of(request: Mapping[str, Any], names: Sequence[str], message: str) -> None:
    """Refuse parameters that do not go with the rest of the request."""
    given = [name for name in names if name in request]
    if given:
        raise ApiError("InvalidParameterCombination", f"{message} ({', '.join(given)})")


def page(
    request: Mapping[str, Any], member: str, items: Sequence[Mapping[str, Any]], key: Callable[[Any], object]
) -> dict[str, Any]:
    """One page of a list answer: MaxRecords 20 to 100 (default 100), Marker from the answer before."""
    size = request.get("MaxRecords", 100)
    if not 20 <= size <= 100:
        raise ApiError("InvalidParameterValue", f"Invalid value {size} for MaxRecords. Must be between 20 and 100")
    marker = str(request.get("Marker") or "0")
    if not marker.isdigit():
        raise ApiError("InvalidParameterValue", f"The marker {marker} is not valid.")
    ordered = sorted(items, key=lambda item: str(key(item)))
    begin, end = int(marker), int(marker) + size
    answer: dict[str, Any] = {member: ordered[begin:end]}
    return answer | ({"Marker": str(end)} if end < len(ordered) else {})


def filters(request: Mapping[str, Any], known: Mapping[str, str]) -> Callable[[Mapping[str, Any]], bool]:
    """A test for `Filters`; `known` maps filter names to members of the described resource. Values may be ARNs."""
    wanted: list[tuple[str, set[str]]] = []
    for one in request.get("Filters", []):
        if one["Name"] not in known:
            raise ApiError("InvalidParameterValue", f"Unrecognized filter name: {one['Name']}")
        wanted.append((known[one["Name"]], {value.rsplit(":", 1)[-1] for value in one["Values"]}))
    return lambda view: all(str(view.get(member)) in values for member, values in wanted)
