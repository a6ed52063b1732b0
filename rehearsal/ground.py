"""What exists in the account before any database, and what the app is deployed with: secrets, zone, network."""

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import boto3

from rehearsal.process import Account
from rehearsal.workload import schema

ZONE = "shop.internal"
ORDERS = "orders-db"
DATABASE, MASTER_USER = "orders", "shop_admin"


@dataclass(frozen=True)
class Store:
    """One shop's names and passwords. `name` is its RDS instance's identifier and its source's name."""

    name: str
    master_password: str
    application_password: str
    master_secret_arn: str
    application_secret_arn: str

    @property
    def writer_name(self) -> str:
        """The record through which the application writes."""
        return f"writer.{self.name.removesuffix('-db')}.{ZONE}"

    @property
    def reader_name(self) -> str:
        """The record through which the application reads."""
        return f"reader.{self.name.removesuffix('-db')}.{ZONE}"

    @property
    def published_writer(self) -> str:
        """The SSM parameter in which a migration publishes the writer."""
        return f"/crossfade/{self.name}/writer"

    def source_settings(self, hosted_zone_id: str) -> dict[str, str]:
        """Its entry under `sources` of docs/settings.md."""
        return {
            "instanceId": self.name,
            "databaseName": DATABASE,
            "masterSecretArn": self.master_secret_arn,
            "applicationSecretArn": self.application_secret_arn,
            "writerName": self.writer_name,
            "readerName": self.reader_name,
            "hostedZoneId": hosted_zone_id,
        }


@dataclass(frozen=True)
class Ground:
    """The account around the shops."""

    account: Account
    hosted_zone_id: str
    stores: Mapping[str, Store]
    vpc_id: str
    subnet_ids: list[str]
    security_group_id: str
    ca_file: Path | None

    @property
    def name_server(self) -> str:
        """The VPC's name server as "address:port"."""
        return f"127.0.0.1:{self.account.dns_port}"

    def app_settings(self) -> dict[str, Any]:
        """The cdk.json context `crossfade` (docs/settings.md) with which the real app is deployed for these shops."""
        network = {
            "vpcId": self.vpc_id,
            "subnetIds": self.subnet_ids,
            "securityGroupIds": [self.security_group_id],
        }
        sources = {name: store.source_settings(self.hosted_zone_id) for name, store in self.stores.items()}
        settings = {"alertEmail": "on-call@shop.example", "network": network, "sources": sources}
        return settings | ({"databaseCaFile": str(self.ca_file)} if self.ca_file else {})


def client(account: Account, service: str) -> Any:
    """A boto3 client of the account's operator, made once: making it costs more than most calls."""
    environment = account.environment
    names = ("AWS_ENDPOINT_URL", "AWS_REGION", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return _client(service, *(environment[name] for name in names))


def forget_clients() -> None:
    """Lets a forked process make its own clients: a connection shared with another mixes their answers up."""
    _client.cache_clear()


@cache
def _client(service: str, endpoint: str, region: str, key_id: str, secret: str) -> Any:
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=endpoint,
        region_name=region,
        aws_access_key_id=key_id,
        aws_secret_access_key=secret,
    )


def prepare(account: Account, names: Sequence[str] = (ORDERS,)) -> Ground:
    """Makes the hosted zone and the secrets of each shop, and looks up the network."""
    ec2 = client(account, "ec2")
    subnets = ec2.describe_subnets()["Subnets"][:2]
    zone = client(account, "route53").create_hosted_zone(Name=ZONE, CallerReference="shop")["HostedZone"]["Id"]
    return Ground(
        account=account,
        hosted_zone_id=zone.rsplit("/", 1)[-1],
        stores={name: _store(account, name) for name in names},
        vpc_id=subnets[0]["VpcId"],
        subnet_ids=[each["SubnetId"] for each in subnets],
        security_group_id=ec2.describe_security_groups()["SecurityGroups"][0]["GroupId"],
        ca_file=_ca_file(account),
    )


def _store(account: Account, name: str) -> Store:
    master, application = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
    return Store(
        name=name,
        master_password=master,
        application_password=application,
        master_secret_arn=_put_secret(account, f"{name}/master", MASTER_USER, master),
        application_secret_arn=_put_secret(account, f"{name}/application", schema.APPLICATION_ROLE, application),
    )


def _put_secret(account: Account, name: str, user: str, password: str) -> str:
    text = json.dumps({"username": user, "password": password})
    return str(client(account, "secretsmanager").create_secret(Name=name, SecretString=text)["ARN"])


def _ca_file(account: Account) -> Path | None:
    """The certificate authority of the account's database servers, when they speak TLS."""
    found = Path(account.state_dir) / "ca.pem"
    return found if found.exists() else None
