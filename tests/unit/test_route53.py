"""The DNS adapter against moto: weighted, shifted, flipped, restored, each twice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import boto3
import pytest
from moto import mock_aws

from migration.errors import MigrationBlocked, StateDrifted
from migration.model import SourceSettings
from migration.route53 import DnsRecords
from migration.weights import Side

WRITER, READER = "orders-writer.example.internal", "orders-reader.example.internal"
SETTINGS = SourceSettings("orders-db", "orders", "arn:m", "arn:a", WRITER, READER, "zone")


@pytest.fixture
def records(monkeypatch: pytest.MonkeyPatch) -> Iterator[DnsRecords]:
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(key, "us-east-1")
    with mock_aws():
        client = boto3.client("route53")
        zone = client.create_hosted_zone(Name="example.internal", CallerReference="1")["HostedZone"]["Id"]
        for name in (WRITER, READER):
            simple = {"Name": name, "Type": "CNAME", "TTL": 60, "ResourceRecords": [{"Value": "source.rds"}]}
            batch = {"Changes": [{"Action": "CREATE", "ResourceRecordSet": simple}]}
            client.change_resource_record_sets(HostedZoneId=zone, ChangeBatch=batch)  # type: ignore[arg-type]
        yield DnsRecords(client, replace(SETTINGS, hosted_zone_id=zone))


def test_a_migration_of_the_names_and_back(records: DnsRecords) -> None:
    originals = records.originals()
    assert set(originals) == {WRITER, READER}
    assert records.make_weighted("source.rds") is not None
    assert records.make_weighted("source.rds") is None
    assert records.originals() == {}
    assert records.add_target("target.rds", "target-ro.rds") is not None
    assert records.add_target("target.rds", "target-ro.rds") is None
    records.wait_insync(records.set_reader_weights(25))
    assert records.reader_percent() == 25
    assert records.writer_side() is Side.SOURCE
    records.flip_writer()
    assert records.flip_writer() is None
    assert records.writer_side() is Side.TARGET
    assert records.restore_simple(originals) is not None
    assert records.restore_simple(originals) is None
    assert records.originals() == originals


def test_what_is_as_wanted_is_sent_again_for_a_change_to_wait_for(records: DnsRecords) -> None:
    records.make_weighted("source.rds")
    records.add_target("target.rds", "target-ro.rds")
    before = records.find(WRITER), records.find(READER)
    assert records.flip_writer(Side.SOURCE) is records.set_reader_weights(0) is None
    assert records.flip_writer(Side.SOURCE, again=True)
    assert records.set_reader_weights(0, again=True)
    assert (records.find(WRITER), records.find(READER)) == before


def test_one_name_for_both_is_refused() -> None:
    with pytest.raises(MigrationBlocked, match="two names"):
        DnsRecords(boto3.client("route53", "us-east-1"), replace(SETTINGS, reader_name=WRITER.upper() + "."))


def test_a_missing_zone_is_one_sentence(records: DnsRecords) -> None:
    records._zone = "ZNONE"
    with pytest.raises(StateDrifted, match=r"ZNONE of .* does not exist"):
        records.find(WRITER)
