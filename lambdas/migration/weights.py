"""Which side a DNS name points to, as Route 53 change batches. Pure: records found in, changes out.

The writer's weights come only from a `Side`, so both can never be above 0; the reader's come from a percentage and
always add up to 100, so they are never both 0, which Route 53 reads as an equal split (AWS_RULES R5.1, R6.1).
A record set has the shape of ListResourceRecordSets; one weighted record has one value and the group one TTL.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from migration.errors import StateDrifted

SOURCE_IDENTIFIER = "crossfade-source"
TARGET_IDENTIFIER = "crossfade-target"
TTL_SECONDS = 5
RecordSet = dict[str, Any]
Change = dict[str, Any]


class Side(Enum):
    """The one database that takes the writes."""

    SOURCE = "source"
    TARGET = "target"


@dataclass(frozen=True)
class Weights:
    """Weights of the two records of one name, in percent."""

    source: int
    target: int

    def __post_init__(self) -> None:
        if not 0 <= self.target <= 100 or self.source + self.target != 100:
            raise ValueError(f"weights {self.source}/{self.target} are not two percentages that add up to 100")


def writer_weights(side: Side) -> Weights:
    """100/0 or 0/100: nothing between exists for the writer."""
    return Weights(100, 0) if side is Side.SOURCE else Weights(0, 100)


def reader_weights(percent_to_target: int) -> Weights:
    """Raises ValueError outside 0–100."""
    return Weights(100 - percent_to_target, percent_to_target)


def simple_record(records: list[RecordSet]) -> RecordSet | None:
    """The unweighted record of a name, None when the name has none."""
    return next((record for record in records if "SetIdentifier" not in record), None)


def weighted_record(records: list[RecordSet], identifier: str) -> RecordSet | None:
    """Our weighted record with this SetIdentifier, None when there is none."""
    return next((record for record in records if record.get("SetIdentifier") == identifier), None)


def host_of(record: RecordSet) -> str:
    """`orders-db.abc.us-east-1.rds.amazonaws.com` of a CNAME with one value; "" for any other record."""
    values = record.get("ResourceRecords", [])
    return str(values[0]["Value"]).rstrip(".").lower() if record["Type"] == "CNAME" and len(values) == 1 else ""


def target_percent(records: list[RecordSet]) -> int:
    """The target's weight as it is published now; 0 when the target has no record."""
    record = weighted_record(records, TARGET_IDENTIFIER)
    return int(record["Weight"]) if record else 0


def weighting_changes(name: str, records: list[RecordSet], source_host: str) -> list[Change]:
    """Turns the simple CNAME into the source's weighted record, weight 100; no changes when that is done already.

    Raises StateDrifted when the name does not point to the source.
    """
    if weighted_record(records, SOURCE_IDENTIFIER):
        return []
    simple = simple_record(records)
    if simple is None or len(records) > 1 or host_of(simple) != source_host.lower():
        raise StateDrifted(f"{name} is not one simple CNAME to {source_host}; set it so and start again.")
    return [
        {"Action": "DELETE", "ResourceRecordSet": simple},
        _change("CREATE", name, SOURCE_IDENTIFIER, source_host, 100),
    ]


def target_changes(name: str, records: list[RecordSet], target_host: str) -> list[Change]:
    """Adds the target's record with weight 0; none when it is there. Raises StateDrifted if it points elsewhere."""
    if weighted_record(records, SOURCE_IDENTIFIER) is None:
        raise StateDrifted(f"{name} has no record {SOURCE_IDENTIFIER}; somebody changed the hosted zone.")
    existing = weighted_record(records, TARGET_IDENTIFIER)
    if existing is None:
        return [_change("CREATE", name, TARGET_IDENTIFIER, target_host, 0)]
    if host_of(existing) != target_host.lower():
        raise StateDrifted(f"{name} has a record {TARGET_IDENTIFIER} that points to {host_of(existing)}.")
    return []


def writer_changes(name: str, records: list[RecordSet], side: Side, *, again: bool = False) -> list[Change]:
    """Points the writer at one side, both records in one batch; only `again` if it points there already."""
    return _weight_changes(name, records, writer_weights(side), again=again)


def reader_changes(name: str, records: list[RecordSet], percent_to_target: int, *, again: bool = False) -> list[Change]:
    """Gives the target this share of the reads, both records in one batch; only `again` if it has it already."""
    return _weight_changes(name, records, reader_weights(percent_to_target), again=again)


def restoring_changes(name: str, records: list[RecordSet], original: RecordSet) -> list[Change]:
    """Puts the original simple record back in place of our weighted ones; no changes when it is back already."""
    ours = [record for record in records if record.get("SetIdentifier") in (SOURCE_IDENTIFIER, TARGET_IDENTIFIER)]
    if len(ours) < len(records):
        if not ours:
            return []
        raise StateDrifted(f"{name} has records that are not ours; somebody changed the hosted zone.")
    removed = [{"Action": "DELETE", "ResourceRecordSet": record} for record in ours]
    return [*removed, {"Action": "UPSERT", "ResourceRecordSet": original}]


def _weight_changes(name: str, records: list[RecordSet], weights: Weights, *, again: bool) -> list[Change]:
    source, target = weighted_record(records, SOURCE_IDENTIFIER), weighted_record(records, TARGET_IDENTIFIER)
    if source is None or (target is None and weights.target):
        raise StateDrifted(f"{name} has not both of our weighted records; somebody changed the hosted zone.")
    wanted = [(source, weights.source)] + ([(target, weights.target)] if target else [])
    if not again and all(record["Weight"] == weight for record, weight in wanted):
        return []
    return [_change("UPSERT", name, record["SetIdentifier"], host_of(record), weight) for record, weight in wanted]


def _change(action: str, name: str, identifier: str, host: str, weight: int) -> Change:
    record = {
        "Name": name,
        "Type": "CNAME",
        "SetIdentifier": identifier,
        "Weight": weight,
        "TTL": TTL_SECONDS,
        "ResourceRecords": [{"Value": host}],
    }
    return {"Action": action, "ResourceRecordSet": record}
