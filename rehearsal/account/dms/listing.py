"""Filters and pages of the Describe operations."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from rehearsal.account.dms.faults import invalid_value, not_found

Item = TypeVar("Item")


def page(
    items: Sequence[Item], request: Mapping[str, Any], *, max_records: int = 100
) -> tuple[list[Item], dict[str, str]]:
    """One page by Marker and MaxRecords (20 to `max_records`, default 100), and the next page's Marker if any."""
    size = int(request.get("MaxRecords", 100))
    if not 20 <= size <= max_records:
        raise invalid_value(f"Invalid value {size} for MaxRecords. Must be between 20 and {max_records}")
    start = _offset(str(request["Marker"])) if request.get("Marker") else 0
    end = start + size
    return list(items[start:end]), ({"Marker": _marker(end)} if end < len(items) else {})


def select(
    items: Sequence[Item], request: Mapping[str, Any], kind: str, filters: Mapping[str, Callable[[Item], Sequence[str]]]
) -> list[Item]:
    """The items that every filter lets through. AWS answers ResourceNotFoundFault when a filter leaves none."""
    chosen = list(items)
    for wanted in request.get("Filters", []):
        name, values = wanted["Name"], set(wanted["Values"])
        if name not in filters:
            raise invalid_value(f"Unrecognized filter name: {name}. Use one of {', '.join(sorted(filters))}")
        chosen = [item for item in chosen if values & set(filters[name](item))]
    if request.get("Filters") and not chosen:
        raise not_found(f"No {kind} found matching given filter")
    return chosen


def _marker(offset: int) -> str:
    return base64.urlsafe_b64encode(f"offset:{offset}".encode()).decode()


def _offset(marker: str) -> int:
    try:
        return int(base64.urlsafe_b64decode(marker.encode()).decode().removeprefix("offset:"))
    except (binascii.Error, ValueError) as error:
        raise invalid_value(f"The marker is not one this service gave: {marker!r}") from error
