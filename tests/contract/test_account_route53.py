"""Route 53 refuses what AWS refuses, and a change is in sync after 30 AWS seconds."""

import time
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.process import Account
from tests.contract.account_support import PACE, Client

ZONE = "shop.internal."


class Zone:
    """A private zone with a short way to change it."""

    def __init__(self, client: Client) -> None:
        self.route53 = client("route53")
        self.id = self.route53.create_hosted_zone(Name=ZONE, CallerReference=str(uuid.uuid4()))["HostedZone"]["Id"]

    def change(self, *changes: dict[str, Any]) -> dict[str, Any]:
        answer = self.route53.change_resource_record_sets(HostedZoneId=self.id, ChangeBatch={"Changes": list(changes)})
        info: dict[str, Any] = answer["ChangeInfo"]
        return info

    def refused(self, *changes: dict[str, Any]) -> str:
        with pytest.raises(ClientError) as refusal:
            self.change(*changes)
        assert refusal.value.response["Error"]["Code"] == "InvalidChangeBatch"
        return str(refusal.value)


def record(action: str, name: str, *values: str, kind: str = "CNAME", ttl: int = 5, **routing: Any) -> dict[str, Any]:
    """One change of a batch."""
    given = {"Name": f"{name}.{ZONE}", "Type": kind, "TTL": ttl, "ResourceRecords": [{"Value": v} for v in values]}
    return {"Action": action, "ResourceRecordSet": given | routing}


def weighted(action: str, name: str, side: str, weight: int, **more: Any) -> dict[str, Any]:
    """One weighted record of a reader."""
    return record(action, name, f"{side}.example", SetIdentifier=side, Weight=weight, **more)


@pytest.fixture
def zone(client: Client) -> Zone:
    return Zone(client)


def test_a_change_is_pending_for_thirty_aws_seconds(zone: Zone) -> None:
    change = zone.change(record("CREATE", "reader", "a.example"))
    assert change["Status"] == "PENDING"
    assert zone.route53.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "PENDING"
    assert zone.route53.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "PENDING"
    time.sleep(30 / PACE + 0.2)
    assert zone.route53.get_change(Id=change["Id"])["ChangeInfo"]["Status"] == "INSYNC"


def test_a_change_stays_pending_while_its_fault_is_there(zone: Zone, account: Account) -> None:
    account.add_faults({"kind": "event", "name": "route53-stays-pending", "match": f"stuck.{ZONE}"})
    stuck = zone.change(record("CREATE", "stuck", "a.example"))["Id"]
    moving = zone.change(record("CREATE", "moving", "a.example"))["Id"]
    time.sleep(30 / PACE + 0.2)
    assert zone.route53.get_change(Id=stuck)["ChangeInfo"]["Status"] == "PENDING"
    assert zone.route53.get_change(Id=moving)["ChangeInfo"]["Status"] == "INSYNC"
    account.clear_faults()
    time.sleep(30 / PACE + 0.2)
    assert zone.route53.get_change(Id=stuck)["ChangeInfo"]["Status"] == "INSYNC"


def test_simple_and_weighted_records_do_not_mix(zone: Zone) -> None:
    zone.change(record("CREATE", "simple", "a.example"), weighted("CREATE", "shared", "source", 100))
    assert "do not mix" in zone.refused(weighted("CREATE", "simple", "source", 100))
    assert "do not mix" in zone.refused(record("CREATE", "shared", "a.example"))


def test_a_simple_record_becomes_weighted_in_one_batch(zone: Zone) -> None:
    zone.change(record("CREATE", "writer", "a.example"))
    zone.change(record("DELETE", "writer", "a.example"), weighted("CREATE", "writer", "source", 100))
    found = zone.route53.list_resource_record_sets(HostedZoneId=zone.id)["ResourceRecordSets"]
    assert [(each["SetIdentifier"], each["Weight"]) for each in found if each["Type"] == "CNAME"] == [("source", 100)]


def test_what_aws_refuses(zone: Zone) -> None:
    zone.change(record("CREATE", "one", "a.example"), weighted("CREATE", "group", "source", 100))
    assert "already exists" in zone.refused(record("CREATE", "one", "a.example"))
    assert "do not match" in zone.refused(record("DELETE", "one", "b.example"))
    assert "not found" in zone.refused(record("DELETE", "none", "a.example"))
    assert "one value" in zone.refused(record("UPSERT", "one", "a.example", "b.example"))
    assert "same TTL" in zone.refused(weighted("CREATE", "group", "target", 0, ttl=60))
    assert "conflicts" in zone.refused(record("CREATE", "one", "10.0.0.1", kind="A"))
    assert "SetIdentifier" in zone.refused(record("UPSERT", "one", "a.example", Weight=1))


def test_a_batch_is_all_or_nothing(zone: Zone) -> None:
    zone.refused(record("CREATE", "first", "a.example"), record("DELETE", "none", "a.example"))
    found = zone.route53.list_resource_record_sets(HostedZoneId=zone.id)["ResourceRecordSets"]
    assert not [each for each in found if each["Type"] == "CNAME"]
