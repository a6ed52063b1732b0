"""AssessSource against a real server with planted problems: it says all of them and changes nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest

from migration import clients
from migration.errors import MigrationBlocked, Throttled
from tests.integration.task_account import APPLICATION_PASSWORD, PLAIN_SCHEMA, TaskAccount

PROBLEMS = """
create table no_key (a int);
create table only_unique (a int not null unique);
create table no_identity (id int primary key);
alter table no_identity replica identity nothing;
create unlogged table scratch (id int primary key);
create function fire() returns trigger language plpgsql as $$ begin return null; end $$;
create table audited (id int primary key);
create trigger always after insert on audited for each row execute function fire();
alter table audited enable always trigger always;
select lo_create(0);
create table "Odd ""name" (id int primary key, doubled int generated always as (id * 2) stored);
create sequence fast cache 50;
create materialized view totals as select 1 as n;
create table parts (id int, at date, primary key (id, at)) partition by range (at);
create table parts_2026 partition of parts for values from ('2026-01-01') to ('2027-01-01');
create database billing
"""
FORBIDDEN = ("no_key", "only_unique", "no_identity", "scratch", "audited.always", "large objects", "billing")
CHANGING = ("Create", "Modify", "Delete", "Put", "Update", "Start", "Change", "Add", "Restore", "Reboot", "Tag")


@contextmanager
def recorded_calls() -> Iterator[list[str]]:
    """Names of the operations of every client of the product."""
    calls: list[str] = []

    def note(model: Any, **_: object) -> None:
        calls.append(model.name)

    doors = (clients.rds, clients.dms, clients.dynamodb, clients.secretsmanager, clients.ssm, clients.route53)
    for door in (*doors, clients.stepfunctions):
        door().meta.events.register("before-call", note)
    yield calls


def refusal(account: TaskAccount, **given: Any) -> str:
    with pytest.raises(MigrationBlocked) as caught:
        account.assess(**given)
    return str(caught.value)


def test_a_sound_source_gives_the_plan_twice_and_nothing_changes(account: TaskAccount) -> None:
    account.deploy()
    with recorded_calls() as calls:
        first = account.assess()
        assert account.assess() == first
    assert [call for call in calls if call.startswith(CHANGING)] == []
    assert first["source"]["applicationRoles"] == ["orders_app"]
    assert first["target"]["engineVersion"].startswith("18.")
    assert first["method"] == "dms"
    assert {finding["level"] for finding in first["findings"]} <= {"warning", "note"}
    assert any("GENERATED ALWAYS" in finding["message"] for finding in first["findings"])
    with account.source() as session:
        assert session.run("select to_regnamespace('crossfade')") == [[None]]


def test_every_planted_problem_is_said_at_once(account: TaskAccount) -> None:
    account.deploy(PLAIN_SCHEMA + ";\n" + PROBLEMS)
    said = refusal(account)
    assert [name for name in FORBIDDEN if name not in said] == []
    assert "parts_2026" not in said
    assert "doubled" not in said


def test_refusals_of_the_instance(account: TaskAccount) -> None:
    account.deploy(None)
    account.rds.client.modify_db_instance(
        DBInstanceIdentifier="orders-db", DBParameterGroupName="default.postgres18", ApplyImmediately=True
    )
    account.rds.until_instance("orders-db")
    account.rds.client.reboot_db_instance(DBInstanceIdentifier="orders-db")
    account.rds.until_instance("orders-db")
    assert "has wal_level replica: set rds.logical_replication = 1" in refusal(account)

    account.store_settings(instanceId="orders-replacement")
    assert "The DB instance orders-replacement of orders does not exist" in refusal(account)
    account.store_settings(instanceId="orders-db")
    account.rds.client.stop_db_instance(DBInstanceIdentifier="orders-db")
    assert "not available: wait until it is available and start again" in refusal(account)


def test_refusals_of_names_secrets_and_roles(account: TaskAccount) -> None:
    account.deploy()
    with pytest.raises(MigrationBlocked, match="The source billing is unknown"):
        account.assess(source="billing")

    _point_reader_elsewhere(account)
    assert "The DNS name reader.orders.internal does not lead to the source alone" in refusal(account)

    secret = account.settings["applicationSecretArn"]
    account.store_settings(applicationSecretArn=account.settings["masterSecretArn"])
    assert "is both the master user and the application's" in refusal(account)
    account.store_settings(applicationSecretArn=secret)


def test_every_role_that_can_write_is_to_be_fenced(account: TaskAccount) -> None:
    account.deploy()
    with account.source() as session:
        for statement in (
            "create role reports login",
            "grant select on orders to reports",
            "create role importer login",
            "grant insert on lines to importer",
            "create role batch nologin",
            "grant insert on lines to batch",
        ):
            session.run(statement)
    assert account.assess()["source"]["applicationRoles"] == ["importer", "orders_app"]


def test_a_second_execution_is_refused_while_the_first_lives(account: TaskAccount) -> None:
    account.deploy()
    account.assess()
    account.run("ClaimMigration")
    first = account.execution_arn
    account.execution_arn = account.start_execution()
    assert f"The source orders is being migrated already by {first}" in refusal(account)

    boto3.client("stepfunctions").stop_execution(executionArn=first)
    account.assess()
    account.run("ClaimMigration")
    assert account.ledger_item("source#orders")["executionArn"]["S"] == account.execution_arn


def test_an_unreachable_source_is_a_matter_of_patience(account: TaskAccount) -> None:
    account.deploy(None)
    account.platform.forget_host(account.rds.instance("orders-db")["Endpoint"]["Address"])
    with pytest.raises(Throttled, match="cannot be reached"):
        account.assess()


def test_no_password_is_ever_said(account: TaskAccount) -> None:
    account.deploy()
    secrets = boto3.client("secretsmanager")
    wrong = '{"username": "orders_app", "password": "not-the-password"}'
    secrets.put_secret_value(SecretId=account.settings["applicationSecretArn"], SecretString=wrong)
    said = refusal(account)
    assert "password authentication failed" in said
    assert "not-the-password" not in said
    assert APPLICATION_PASSWORD not in said


def _point_reader_elsewhere(account: TaskAccount) -> None:
    record: Any = {
        "Name": account.settings["readerName"],
        "Type": "CNAME",
        "TTL": 60,
        "ResourceRecords": [{"Value": "elsewhere.example"}],
    }
    boto3.client("route53").change_resource_record_sets(
        HostedZoneId=account.settings["hostedZoneId"],
        ChangeBatch={"Changes": [{"Action": "UPSERT", "ResourceRecordSet": record}]},
    )
