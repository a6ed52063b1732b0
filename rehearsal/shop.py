"""The shop before its migration: what an operator has made in the account through the ordinary AWS APIs."""

import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3
import pg8000.native

from crossfade_client import Answer, Resolver
from rehearsal.process import Account
from rehearsal.workload import schema

INSTANCE_ID, SOURCE_NAME, DATABASE, MASTER_USER = "orders-db", "orders-db", "orders", "shop_admin"
ZONE = "shop.internal"
WRITER_NAME, READER_NAME = f"writer.orders.{ZONE}", f"reader.orders.{ZONE}"
RECORD_TTL_SECONDS = 60
PUBLISHED_WRITER = f"/crossfade/{SOURCE_NAME}/writer"
AVAILABLE_WITHIN_SECONDS = 120.0
_GROUP, _FAMILY = "orders-db-logical", "postgres18"
Report = Callable[[str], None]


class ShopError(RuntimeError):
    """The shop could not be made; the message says what was being done."""


@dataclass(frozen=True)
class Ground:
    """What exists in the account before the database: enough to deploy the app with."""

    account: Account
    hosted_zone_id: str
    master_password: str
    application_password: str
    master_secret_arn: str
    application_secret_arn: str
    vpc_id: str
    subnet_ids: list[str]
    security_group_id: str
    ca_file: Path | None

    @property
    def name_server(self) -> str:
        """The VPC's name server as "address:port"."""
        return f"127.0.0.1:{self.account.dns_port}"

    def app_settings(self) -> dict[str, Any]:
        """The cdk.json context `crossfade` (docs/settings.md) with which the real app is deployed for this shop."""
        source = {
            "instanceId": INSTANCE_ID,
            "databaseName": DATABASE,
            "masterSecretArn": self.master_secret_arn,
            "applicationSecretArn": self.application_secret_arn,
            "writerName": WRITER_NAME,
            "readerName": READER_NAME,
            "hostedZoneId": self.hosted_zone_id,
        }
        network = {
            "vpcId": self.vpc_id,
            "subnetIds": self.subnet_ids,
            "securityGroupIds": [self.security_group_id],
        }
        settings = {"alertEmail": "on-call@shop.example", "network": network, "sources": {SOURCE_NAME: source}}
        return settings | ({"databaseCaFile": str(self.ca_file)} if self.ca_file else {})


@dataclass(frozen=True)
class Shop:
    """The shop with its database. `host` is the source's endpoint name."""

    ground: Ground
    host: str
    port: int

    def real_host(self, name: str) -> str:
        """The endpoint that a record leads to now."""
        return self._resolve(name).host

    def master(self, name: str) -> pg8000.native.Connection:
        """A master user's session on the database that a record or endpoint leads to now."""
        found = self._resolve(name)
        return pg8000.native.Connection(
            MASTER_USER,
            password=self.ground.master_password if found.host == self.host else self._target_password(),
            host=found.address,
            port=self.port,
            database=DATABASE,
            ssl_context=False,
            application_name="operator",
        )

    def _resolve(self, name: str) -> Answer:
        address, _, port = self.ground.name_server.rpartition(":")
        return Resolver([(address, int(port))]).resolve(name, fresh=True)

    def _target_password(self) -> str:
        """The cluster's master password: managed by RDS in a secret, else still the source's."""
        clusters = client(self.ground.account, "rds").describe_db_clusters()["DBClusters"]
        managed = [each["MasterUserSecret"]["SecretArn"] for each in clusters if "MasterUserSecret" in each]
        if not managed:
            return self.ground.master_password
        text = client(self.ground.account, "secretsmanager").get_secret_value(SecretId=managed[0])["SecretString"]
        return str(json.loads(text)["password"])


def client(account: Account, service: str) -> Any:
    """A boto3 client of the account's operator, made once: making it costs more than most calls."""
    environment = account.environment
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return _client(service, *(environment[name] for name in names))


@cache
def _client(service: str, endpoint: str, region: str, key_id: str, secret: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


def prepare(account: Account) -> Ground:
    """Makes the secrets and the hosted zone, and looks up the network."""
    ec2 = client(account, "ec2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    master, application = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
    zone = client(account, "route53").create_hosted_zone(Name=ZONE, CallerReference="shop")["HostedZone"]["Id"]
    return Ground(
        account=account,
        hosted_zone_id=zone.rsplit("/", 1)[-1],
        master_password=master,
        application_password=application,
        master_secret_arn=_put_secret(account, "orders-db/master", MASTER_USER, master),
        application_secret_arn=_put_secret(account, "orders-db/application", schema.APPLICATION_ROLE, application),
        vpc_id=subnets[0]["VpcId"],
        subnet_ids=[each["SubnetId"] for each in subnets],
        security_group_id=ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        ca_file=_ca_file(account),
    )


def build(ground: Ground, report: Report) -> Shop:
    """Makes the source instance and its records, and fills it. Raises ShopError."""
    report("creating the RDS instance orders-db")
    host, port = _create_instance(client(ground.account, "rds"), ground)
    _create_records(client(ground.account, "route53"), ground.hosted_zone_id, host)
    shop = Shop(ground, host, port)
    report("seeding the shop")
    with shop.master(host) as connection:
        schema.create(connection, ground.application_password)
    return shop


def _create_instance(rds: Any, ground: Ground) -> tuple[str, int]:
    """An instance as a shop has it, logical replication switched on with the reboot that needs."""
    rds.create_db_subnet_group(
        DBSubnetGroupName="orders-db",
        DBSubnetGroupDescription="Private subnets of the shop",
        SubnetIds=ground.subnet_ids,
    )
    rds.create_db_parameter_group(
        DBParameterGroupName=_GROUP, DBParameterGroupFamily=_FAMILY, Description="Logical replication"
    )
    logical = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName=_GROUP, Parameters=[logical])
    rds.create_db_instance(
        DBInstanceIdentifier=INSTANCE_ID,
        DBInstanceClass="db.m6g.large",
        Engine="postgres",
        DBName=DATABASE,
        AllocatedStorage=100,
        MasterUsername=MASTER_USER,
        MasterUserPassword=ground.master_password,
        DBSubnetGroupName="orders-db",
        DBParameterGroupName=_GROUP,
        VpcSecurityGroupIds=[ground.security_group_id],
        BackupRetentionPeriod=7,
        StorageEncrypted=True,
        AutoMinorVersionUpgrade=False,
        PubliclyAccessible=False,
    )
    instance = _await_available(rds)
    if instance["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot":
        rds.reboot_db_instance(DBInstanceIdentifier=INSTANCE_ID)
        instance = _await_available(rds)
    return instance["Endpoint"]["Address"], int(instance["Endpoint"]["Port"])


def _await_available(rds: Any) -> dict[str, Any]:
    deadline = time.monotonic() + AVAILABLE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)
        instance: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier=INSTANCE_ID)["DBInstances"][0]
        if instance["DBInstanceStatus"] == "available":
            return instance
    raise ShopError(f"the instance {INSTANCE_ID} was not available within {AVAILABLE_WITHIN_SECONDS:g} s")


def _create_records(route53: Any, zone: str, host: str) -> None:
    """The names the application uses: simple aliases of the instance with a long TTL."""
    changes = [
        {
            "Action": "CREATE",
            "ResourceRecordSet": {
                "Name": name,
                "Type": "CNAME",
                "TTL": RECORD_TTL_SECONDS,
                "ResourceRecords": [{"Value": host}],
            },
        }
        for name in (WRITER_NAME, READER_NAME)
    ]
    change = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})["ChangeInfo"]
    while change["Status"] != "INSYNC":
        time.sleep(0.1)
        change = route53.get_change(Id=change["Id"])["ChangeInfo"]


def _put_secret(account: Account, name: str, user: str, password: str) -> str:
    text = json.dumps({"username": user, "password": password})
    return str(client(account, "secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])


def _ca_file(account: Account) -> Path | None:
    """The certificate authority of the account's database servers, when they speak TLS."""
    found = Path(account.state_dir) / "ca.pem"
    return found if found.exists() else None
