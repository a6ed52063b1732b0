"""Where a shop's records lead: the weights of both, as Route 53 has them now."""

import time
from collections.abc import Mapping, Sequence
from typing import Any

from rehearsal.ground import client
from rehearsal.invariants import Records, Weights
from rehearsal.shop import Shop


def records(shop: Shop) -> Records:
    """The weights of the shop's writer and reader records, which stand side by side in Route 53's order of names."""
    answer = client(shop.ground.account, "route53").list_resource_record_sets(
        HostedZoneId=shop.ground.hosted_zone_id, StartRecordName=shop.store.reader_name, MaxItems="4"
    )
    found: Sequence[Mapping[str, Any]] = answer["ResourceRecordSets"]
    at = time.time()
    return Records(at, _weights(found, shop.store.writer_name, shop), _weights(found, shop.store.reader_name, shop))


def _weights(found: Sequence[Mapping[str, Any]], name: str, shop: Shop) -> Weights:
    sets = [each for each in found if each["Name"].rstrip(".") == name and each["Type"] == "CNAME"]
    return {_side(each, shop): int(each.get("Weight", 100)) for each in sets}


def _side(record: Mapping[str, Any], shop: Shop) -> str:
    return "source" if record["ResourceRecords"][0]["Value"].rstrip(".") == shop.host else "target"
