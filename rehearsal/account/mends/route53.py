"""Route 53 refuses what AWS refuses, and a change takes its time: PENDING for 30 seconds, the old answers until INSYNC.

Rules: Route 53 developer guide, "Values specific for simple/weighted records", and AWS_RULES R6. ministack accepts
every record set that parses, and calls a change INSYNC as soon as somebody has asked once.
The fault `route53-stays-pending` holds the change whose batch it matches until the rule is gone.
"""

import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ministack.services import route53

from rehearsal.account import faults
from rehearsal.account.time_factor import run_later

PENDING_SECONDS = 30
Records = list[dict[str, Any]]

_lock = threading.Lock()
# zone -> the changes under way, oldest first, each with what the names it changes had before it
_pending: dict[str, list[tuple[str, dict[str, Records]]]] = defaultdict(list)


def apply() -> None:
    """Check change batches, and let them be in sync late."""
    change_records = route53._change_resource_record_sets

    def change(zone_id: str, body: bytes) -> Any:
        with _lock:
            refusal = _refusal(zone_id, body)
            if refusal:
                return route53._error_response("InvalidChangeBatch", f"[{refusal}]")
            before, known = _by_name(zone_id), set(route53._changes)
            answer = change_records(zone_id, body)
            after = _by_name(zone_id)
            changed = {n: before.get(n, []) for n in before.keys() | after.keys() if before.get(n) != after.get(n)}
            for change_id in set(route53._changes) - known:
                _pending[zone_id].append((change_id, changed))
                stuck = faults.take("route53-stays-pending", body.decode(errors="replace"))
                _sync_later(zone_id, change_id, stuck)
        return answer

    route53._change_resource_record_sets = change
    route53._get_change = _get_change


def in_sync_records() -> Records:
    """What the name servers answer now: `{"Name", "Type", "TTL", "Values"}`, weighted ones with "Weight"."""
    with _lock:
        zones = {zone_id: _by_name(zone_id) for zone_id in list(route53._zones)}
        for zone_id, changes in _pending.items():
            for _, before in reversed(changes):
                zones.get(zone_id, {}).update(before)
    return [
        {**record, "Values": record.get("ResourceRecords", [])}
        for names in zones.values()
        for records in names.values()
        for record in records
        if record["Type"] not in ("SOA", "NS")
    ]


def _by_name(zone_id: str) -> dict[str, Records]:
    names: dict[str, Records] = defaultdict(list)
    for record in route53._records.get(zone_id, []):
        names[record["Name"]].append(record)
    return dict(names)


def _sync_later(zone_id: str, change_id: str, stuck: faults.Rule | None) -> None:
    """Bring a change into sync in 30 seconds; one that is stuck, when its fault is gone."""

    def come_into_sync() -> None:
        if stuck and any(rule["id"] == stuck["id"] for rule in faults.listed()):
            _sync_later(zone_id, change_id, stuck)
            return
        with _lock:
            route53._changes[change_id]["status"] = "INSYNC"
            _pending[zone_id] = [entry for entry in _pending[zone_id] if entry[0] != change_id]

    run_later(PENDING_SECONDS, come_into_sync)


def _get_change(change_id: str) -> Any:
    found = route53._changes.get(change_id)
    if not found:
        return route53._error_response("NoSuchChange", f"A change with the ID {change_id} does not exist.", 404)
    return route53._xml_response("GetChangeResponse", lambda root: route53._build_change_info_el(root, dict(found)))


def _refusal(zone_id: str, body: bytes) -> str:
    """What is wrong with the change batch, or nothing; what ministack itself refuses is left to it."""
    zone, root = route53._zones.get(zone_id), route53._parse_body(body)
    batch = None if root is None else route53._find(root, "ChangeBatch")
    changes = None if batch is None else route53._find(batch, "Changes")
    if zone is None or changes is None:
        return ""
    after = {route53._rs_key(record): record for record in route53._records.get(zone_id, [])}
    touched = set()
    for element in route53._findall(changes, "Change"):
        record = route53._parse_record_set(route53._find(element, "ResourceRecordSet"))
        action = route53._text(element, "Action")
        wrong = "" if action == "DELETE" else _wrong_record(record, zone["name"])
        if wrong:
            return wrong
        touched.add(record["Name"])
        if action == "DELETE":
            after.pop(route53._rs_key(record), None)
        else:
            after[route53._rs_key(record)] = record
    return next(filter(None, (_wrong_name(name, after.values()) for name in sorted(touched))), "")


def _wrong_record(record: dict[str, Any], zone: str) -> str:
    """What is wrong with one record set by itself."""
    name, kind = record["Name"], record["Type"]
    values, weight = record.get("ResourceRecords", []), record.get("Weight")
    checks = {
        f"RRSet with DNS name {name} is not permitted in zone {zone}": name != zone and not name.endswith("." + zone),
        f"RRSet of type CNAME with DNS name {name} is not permitted at apex in zone {zone}": (
            kind == "CNAME" and name == zone
        ),
        f"Missing field 'SetIdentifier' in Change with [Name={name}, Type={kind}]": (
            weight is not None and not record.get("SetIdentifier")
        ),
        f"Missing routing field in Change with [Name={name}, Type={kind}]": bool(
            record.get("SetIdentifier") and not {"Weight", "Region", "Failover", "MultiValueAnswer"} & record.keys()
        ),
        f"Weight {weight} of {name} is not between 0 and 255": weight is not None and not 0 <= weight <= 255,
        f"RRSet with DNS name {name}, type {kind} needs a TTL and a value": (
            "AliasTarget" not in record and not (values and "TTL" in record)
        ),
        f"InvalidResourceRecordSet: {name}, type {kind} may have one value only": (
            len(values) > 1 and (kind == "CNAME" or weight is not None)
        ),
    }
    return next((problem for problem, wrong in checks.items() if wrong), "")


def _wrong_name(name: str, records: Iterable[dict[str, Any]]) -> str:
    """What is wrong with the record sets of one name together."""
    same_name = [record for record in records if record["Name"] == name]
    kinds = {record["Type"] for record in same_name}
    if "CNAME" in kinds and len(kinds) > 1:
        return f"RRSet of type CNAME with DNS name {name} is not permitted as it conflicts with other records"
    for kind in sorted(kinds):
        group = [record for record in same_name if record["Type"] == kind]
        if len(group) > 1 and not all(record.get("SetIdentifier") for record in group):
            return f"RRSet with DNS name {name}, type {kind} cannot be created: simple and weighted records do not mix"
        if len({record["TTL"] for record in group if "TTL" in record}) > 1:
            return f"RRSets with DNS name {name}, type {kind} of one group must have the same TTL"
    return ""
