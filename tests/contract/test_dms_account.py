"""The emulated DMS inside the real account: the roles it takes are judged by the account's own IAM."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from botocore.exceptions import ClientError

from tests.contract.account_support import Client

GROUP = {
    "ReplicationSubnetGroupIdentifier": "contract",
    "ReplicationSubnetGroupDescription": "both zones",
    "SubnetIds": ["subnet-1", "subnet-2"],
}


def test_subnet_groups_need_the_vpc_role_with_its_managed_policy(client: Client, make_role: Callable[..., str]) -> None:
    dms, iam = client("dms"), client("iam")
    with pytest.raises(dms.exceptions.AccessDeniedFault):
        dms.create_replication_subnet_group(**GROUP)
    make_role("dms-vpc-role", ["dms.amazonaws.com"], [])
    with pytest.raises(dms.exceptions.AccessDeniedFault):
        dms.create_replication_subnet_group(**GROUP)
    policy = "arn:aws:iam::aws:policy/service-role/AmazonDMSVPCManagementRole"
    iam.attach_role_policy(RoleName="dms-vpc-role", PolicyArn=policy)
    made = dms.create_replication_subnet_group(**GROUP)["ReplicationSubnetGroup"]
    assert made["SubnetGroupStatus"] == "Complete"
    dms.delete_replication_subnet_group(ReplicationSubnetGroupIdentifier="contract")


@pytest.mark.parametrize(
    ("principal", "action", "accepted"),
    [
        ("dms.us-east-1.amazonaws.com", "secretsmanager:GetSecretValue", True),
        ("dms.amazonaws.com", "secretsmanager:GetSecretValue", False),
        ("dms.us-east-1.amazonaws.com", "secretsmanager:DescribeSecret", False),
    ],
)
def test_endpoints_take_their_secret_by_a_role_of_the_regional_service(
    client: Client, make_role: Callable[..., str], principal: str, action: str, *, accepted: bool
) -> None:
    name = re.sub(r"\W", "-", f"{principal}-{action}")
    role = make_role(name, [principal], [action])
    text = json.dumps({"username": "u", "password": "p", "host": "nowhere.example", "port": 5432})
    secret = client("secretsmanager").create_secret(Name=name, SecretString=text)["ARN"]
    endpoint = {
        "EndpointIdentifier": name,
        "EndpointType": "source",
        "EngineName": "postgres",
        "DatabaseName": "shop",
        "PostgreSQLSettings": {"SecretsManagerAccessRoleArn": role, "SecretsManagerSecretId": secret},
    }
    dms = client("dms")
    if accepted:
        assert dms.create_endpoint(**endpoint)["Endpoint"]["Status"] == "active"
        return
    with pytest.raises(ClientError, match="AccessDenied"):
        dms.create_endpoint(**endpoint)
