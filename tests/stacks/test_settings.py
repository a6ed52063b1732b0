"""A wrong or missing setting is one sentence that names the key."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import pytest

from migration import model
from stacks.settings import Settings, SettingsError, load_settings
from tests.stacks.conftest import CONTEXT, ROOT

MISSING = object()
SOURCE = "sources.orders-db"


def changed(path: str, value: Any) -> dict[str, Any]:
    """The shipped settings with one key changed or taken out."""
    settings: dict[str, Any] = json.loads(json.dumps(CONTEXT["crossfade"]))
    *parents, key = path.split(".")
    place = settings
    for parent in parents:
        place = place[parent]
    if value is MISSING:
        del place[key]
    else:
        place[key] = value
    return settings


def refusal(context: Any, root: Path = ROOT) -> str:
    with pytest.raises(SettingsError) as caught:
        load_settings(context, root)
    return str(caught.value)


WRONG = [
    ("alertEmail", "nobody", "an e-mail address"),
    ("alertEmail", MISSING, "it is missing"),
    ("network", MISSING, "must be an object"),
    ("network.vpcId", "10.0.0.0/16", "the id of a VPC"),
    ("network.subnetIds", ["subnet-1"], "at least 2"),
    ("network.subnetIds", "subnet-1", "must be a list"),
    ("network.securityGroupIds", [], "at least 1"),
    ("network.mtu", 9001, "is not a setting"),
    ("sources", {}, "describe at least one source"),
    ("sources", MISSING, "must be an object"),
    (f"{SOURCE}.instanceId", "-orders", "the DB instance identifier"),
    (f"{SOURCE}.databaseName", MISSING, "the name of the database"),
    (f"{SOURCE}.masterSecretArn", "orders-db/master", "the ARN of the master user's secret"),
    (f"{SOURCE}.applicationSecretArn", MISSING, "it is missing"),
    (f"{SOURCE}.writerName", "https://orders", "the host name the application writes to"),
    (f"{SOURCE}.readerName", "writer.orders.example.internal", "equals writerName"),
    (f"{SOURCE}.hostedZoneId", "orders.example", "the id of the zone"),
    (f"{SOURCE}.targetClusterIds", ["my_cluster"], "cluster identifiers"),
    (f"{SOURCE}.password", "secret", "is not a setting"),
    ("logRetentionDays", 42, "must be one of 1, 3, 5"),
    ("logRetentionDays", True, "must be one of"),
    ("tracing", "yes", "must be true or false"),
    ("createDmsRoles", 1, "must be true or false"),
    ("databaseCaFile", "no-such.pem", "the path of an existing PEM file"),
    ("kmsKeyArns", ["alias/aws/rds"], "ARNs of KMS keys"),
    ("regoin", "eu-west-1", "is not a setting"),
]


@pytest.mark.parametrize(
    ("path", "value", "said"), WRONG, ids=[f"{path}-{number}" for number, (path, *_) in enumerate(WRONG)]
)
def test_wrong_setting_is_one_sentence_that_names_the_key(path: str, value: Any, said: str) -> None:
    sentence = refusal(changed(path, value))
    assert f"crossfade.{path}" in sentence
    assert said in sentence
    assert sentence.endswith(".")
    assert "\n" not in sentence


@pytest.mark.parametrize("name", ["Orders", "orders--db", "1orders", "orders-", "o" * 41])
def test_source_name_must_fit_into_aws_identifiers(name: str) -> None:
    settings = changed("sources", {name: CONTEXT["crossfade"]["sources"]["orders-db"]})
    assert "is not a usable name" in refusal(settings)


def test_no_settings_at_all() -> None:
    assert 'no context key "crossfade"' in refusal(None)


def test_one_account_and_region() -> None:
    elsewhere = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:orders-db/master-AbCdEf"
    assert "different accounts or regions" in refusal(changed(f"{SOURCE}.masterSecretArn", elsewhere))


def test_settings_may_lie_in_a_file(tmp_path: Path) -> None:
    (tmp_path / "production.json").write_text(json.dumps(CONTEXT["crossfade"]))
    assert load_settings("production.json", tmp_path) == load_settings(CONTEXT["crossfade"], tmp_path)


def test_missing_and_broken_files_are_named(tmp_path: Path) -> None:
    assert "does not exist" in refusal("absent.json", tmp_path)
    (tmp_path / "broken.json").write_text("{")
    assert "is not JSON" in refusal("broken.json", tmp_path)


def test_defaults() -> None:
    settings = load_settings(CONTEXT["crossfade"], ROOT)
    assert (settings.region, settings.account) == ("us-east-1", "123456789012")
    assert (settings.log_retention_days, settings.tracing, settings.create_dms_roles) == (90, False, True)


def test_functions_understand_what_they_are_told_of_a_source() -> None:
    source = load_settings(CONTEXT["crossfade"], ROOT).sources[0]
    expected = {model.camel(field.name) for field in dataclasses.fields(model.SourceSettings)}
    assert set(source.for_functions()) == expected
    assert model.from_json(model.SourceSettings, source.for_functions()).instance_id == source.instance_id


def test_every_setting_is_documented() -> None:
    text = (ROOT / "docs" / "settings.md").read_text()
    names = [model.camel(field.name) for field in dataclasses.fields(Settings)]
    names += [
        "vpcId",
        "subnetIds",
        "securityGroupIds",
        *CONTEXT["crossfade"]["sources"]["orders-db"],
        "targetClusterIds",
    ]
    undocumented = [name for name in names if f"`{name}`" not in text]
    assert undocumented == []
