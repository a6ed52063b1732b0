"""A shop before its migration: what an operator has made in the account through the ordinary AWS APIs."""

import contextlib
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pg8000.native

from crossfade_client import Answer, Resolver
from rehearsal.ground import DATABASE, MASTER_USER, ORDERS, Ground, Store, client
from rehearsal.workload import schema
from rehearsal.workload.schema import Size

RECORD_TTL_SECONDS = 60
AVAILABLE_WITHIN_SECONDS = 120.0
_GROUP, _FAMILY = "shop-logical", "postgres18"
SUBNETS = "shop"
_SOURCE_TAG = "crossfade:source"
Report = Callable[[str], None]


class ShopError(RuntimeError):
    """The shop could not be made; the message says what was being done."""


@dataclass(frozen=True)
class Shop:
    """A shop with its database. `host` is the source's endpoint name."""

    ground: Ground
    store: Store
    host: str
    port: int

    def real_host(self, name: str) -> str:
        """The endpoint that a record leads to now."""
        return self._resolve(name).host

    def address(self, host: str) -> str:
        """The address of the server behind a record or endpoint now."""
        return self._resolve(host).address

    def master(self, name: str) -> pg8000.native.Connection:
        """A master user's session on the database that a record or endpoint leads to now."""
        found = self._resolve(name)
        return pg8000.native.Connection(
            MASTER_USER,
            password=self.store.master_password if found.host == self.host else self._target_password(),
            host=found.address,
            port=self.port,
            database=DATABASE,
            ssl_context=False,
            application_name="operator",
        )

    def clusters(self) -> list[dict[str, Any]]:
        """The Aurora clusters that migrations of this shop have made (DescribeDBClusters)."""
        found = client(self.ground.account, "rds").describe_db_clusters()["DBClusters"]
        tag = {"Key": _SOURCE_TAG, "Value": self.store.name}
        return [each for each in found if tag in each.get("TagList", [])]

    def target_host(self) -> str | None:
        """The writer endpoint of the shop's cluster, or None while there is none."""
        return next((str(each["Endpoint"]) for each in self.clusters() if "Endpoint" in each), None)

    def _resolve(self, name: str) -> Answer:
        address, _, port = self.ground.name_server.rpartition(":")
        return Resolver([(address, int(port))]).resolve(name, fresh=True)

    def _target_password(self) -> str:
        """The cluster's master password: managed by RDS in a secret, else still the source's."""
        managed = [each["MasterUserSecret"]["SecretArn"] for each in self.clusters() if "MasterUserSecret" in each]
        if not managed:
            return self.store.master_password
        text = client(self.ground.account, "secretsmanager").get_secret_value(SecretId=managed[0])["SecretString"]
        return str(json.loads(text)["password"])


def build(ground: Ground, report: Report, name: str = ORDERS, size: Size = schema.FULL) -> Shop:
    """Makes the source instance and its records, and fills it. Raises ShopError."""
    store = ground.stores[name]
    report(f"creating the RDS instance {name}")
    _prepare_network(client(ground.account, "rds"), ground)
    host, port = _create_instance(client(ground.account, "rds"), ground, store)
    _create_records(client(ground.account, "route53"), ground.hosted_zone_id, store, host)
    shop = Shop(ground, store, host, port)
    report("seeding the shop")
    with shop.master(host) as connection:
        schema.create(connection, store.application_password, size)
    return shop


def _prepare_network(rds: Any, ground: Ground) -> None:
    """What every instance uses: the subnet group, and the parameter group with logical replication on."""
    with contextlib.suppress(rds.exceptions.DBSubnetGroupAlreadyExistsFault):
        rds.create_db_subnet_group(
            DBSubnetGroupName=SUBNETS,
            DBSubnetGroupDescription="Private subnets of the shop",
            SubnetIds=ground.subnet_ids,
        )
    with contextlib.suppress(rds.exceptions.DBParameterGroupAlreadyExistsFault):
        rds.create_db_parameter_group(
            DBParameterGroupName=_GROUP, DBParameterGroupFamily=_FAMILY, Description="Logical replication"
        )
    logical = {"ParameterName": "rds.logical_replication", "ParameterValue": "1", "ApplyMethod": "pending-reboot"}
    rds.modify_db_parameter_group(DBParameterGroupName=_GROUP, Parameters=[logical])


def _create_instance(rds: Any, ground: Ground, store: Store) -> tuple[str, int]:
    """An instance as a shop has it, with the reboot that switches logical replication on if that is still to come."""
    rds.create_db_instance(
        DBInstanceIdentifier=store.name,
        DBInstanceClass="db.m6g.large",
        Engine="postgres",
        DBName=DATABASE,
        AllocatedStorage=100,
        MasterUsername=MASTER_USER,
        MasterUserPassword=store.master_password,
        DBSubnetGroupName=SUBNETS,
        DBParameterGroupName=_GROUP,
        VpcSecurityGroupIds=[ground.security_group_id],
        BackupRetentionPeriod=7,
        StorageEncrypted=True,
        AutoMinorVersionUpgrade=False,
        PubliclyAccessible=False,
    )
    instance = _await_available(rds, store.name)
    if instance["DBParameterGroups"][0]["ParameterApplyStatus"] == "pending-reboot":
        rds.reboot_db_instance(DBInstanceIdentifier=store.name)
        instance = _await_available(rds, store.name)
    return instance["Endpoint"]["Address"], int(instance["Endpoint"]["Port"])


def _await_available(rds: Any, name: str) -> dict[str, Any]:
    deadline = time.monotonic() + AVAILABLE_WITHIN_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)
        instance: dict[str, Any] = rds.describe_db_instances(DBInstanceIdentifier=name)["DBInstances"][0]
        if instance["DBInstanceStatus"] == "available":
            return instance
    raise ShopError(f"the instance {name} was not available within {AVAILABLE_WITHIN_SECONDS:g} s")


def _create_records(route53: Any, zone: str, store: Store, host: str) -> None:
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
        for name in (store.writer_name, store.reader_name)
    ]
    change = route53.change_resource_record_sets(HostedZoneId=zone, ChangeBatch={"Changes": changes})["ChangeInfo"]
    while change["Status"] != "INSYNC":
        time.sleep(0.1)
        change = route53.get_change(Id=change["Id"])["ChangeInfo"]
