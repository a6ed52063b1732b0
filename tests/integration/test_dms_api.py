"""The DMS API as AWS's model and manners have it: faults, filters, pages, statuses. The databases matter little."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from rehearsal.account.wire import ApiError
from rehearsal.servers.postgres import Server
from tests.integration.dms_support import EVERYTHING, ROLE, Lab, await_true, running_servers

SECRET = {"SecretsManagerAccessRoleArn": ROLE, "SecretsManagerSecretId": "source-secret"}


@pytest.fixture(scope="module")
def servers() -> Iterator[tuple[Server, Server]]:
    with running_servers() as pair:
        yield pair


@pytest.fixture
def lab(servers: tuple[Server, Server]) -> Iterator[Lab]:
    made = Lab(*servers)
    yield made
    made.stop_tasks()
    made.close()


def _fault(lab: Lab, operation: str, **parameters: Any) -> str:
    with pytest.raises(ApiError) as caught:
        lab.call(operation, **parameters)
    return caught.value.code


def _endpoint(**changes: Any) -> dict[str, Any]:
    given = {
        "EndpointIdentifier": "other",
        "EndpointType": "source",
        "EngineName": "postgres",
        "DatabaseName": "shop",
        "PostgreSQLSettings": SECRET,
        **changes,
    }
    return {key: value for key, value in given.items() if value is not None}


def _rules(*rules: dict[str, Any]) -> str:
    locator = {"schema-name": "app", "table-name": "%"}
    base = {"rule-type": "selection", "rule-action": "include", "object-locator": locator}
    return json.dumps({"rules": [{**base, "rule-id": "1", "rule-name": "1", **rule} for rule in rules]})


def test_speaks_the_json_protocol_of_the_sdk(lab: Lab) -> None:
    headers = {
        "X-Amz-Target": "AmazonDMSv20160101.DescribeReplicationTasks",
        "Content-Type": "application/x-amz-json-1.1",
    }
    filters = {"Filters": [{"Name": "replication-task-id", "Values": ["nobody"]}]}
    status, answer_headers, body = lab.api.call(headers, json.dumps(filters), {})
    assert status == 400
    assert json.loads(body)["__type"] == "ResourceNotFoundFault"
    assert answer_headers["x-amzn-requestid"]


def test_a_subnet_group_needs_the_account_role_and_two_zones(lab: Lab) -> None:
    group = {"ReplicationSubnetGroupIdentifier": "g", "ReplicationSubnetGroupDescription": "d"}
    assert (
        _fault(lab, "CreateReplicationSubnetGroup", **group, SubnetIds=["subnet-1"])
        == "ReplicationSubnetGroupDoesNotCoverEnoughAZs"
    )
    lab.platform.refused.add("arn:aws:iam::000000000000:role/dms-vpc-role")
    assert _fault(lab, "CreateReplicationSubnetGroup", **group, SubnetIds=["s-1", "s-2"]) == "AccessDeniedFault"


def test_a_subnet_group_and_an_instance_in_use_stay(lab: Lab) -> None:
    arn = lab.task()
    task = lab.described(arn)
    instance, source = task["ReplicationInstanceArn"], task["SourceEndpointArn"]
    assert _fault(lab, "DeleteReplicationSubnetGroup", ReplicationSubnetGroupIdentifier="group") == (
        "InvalidResourceStateFault"
    )
    assert _fault(lab, "DeleteReplicationInstance", ReplicationInstanceArn=instance) == "InvalidResourceStateFault"
    assert _fault(lab, "DeleteEndpoint", EndpointArn=source) == "InvalidResourceStateFault"
    pair = {"EndpointArn": source, "ReplicationInstanceArn": instance}
    assert _fault(lab, "DeleteConnection", **pair) == "InvalidResourceStateFault"
    lab.call("DeleteReplicationTask", ReplicationTaskArn=arn)
    assert lab.described(arn)["Status"] == "deleting"
    await_true(lambda: not lab.call("DescribeReplicationTasks")["ReplicationTasks"])
    lab.call("DeleteEndpoint", EndpointArn=source)
    lab.call("DeleteReplicationInstance", ReplicationInstanceArn=instance)
    await_true(lambda: not lab.call("DescribeReplicationInstances")["ReplicationInstances"])
    lab.call("DeleteReplicationSubnetGroup", ReplicationSubnetGroupIdentifier="group")
    assert [detail["eventType"] for _, detail in lab.platform.events] == [
        "REPLICATION_INSTANCE_CREATING",
        "REPLICATION_INSTANCE_CREATED",
        "REPLICATION_TASK_CREATED",
        "REPLICATION_TASK_DELETED",
        "REPLICATION_INSTANCE_DELETING",
        "REPLICATION_INSTANCE_DELETED",
    ]
    messages = [event["Message"] for event in lab.call("DescribeEvents", SourceIdentifier="lab")["Events"]]
    assert messages[0] == "Replication instance creating"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ReplicationInstanceIdentifier": "1st"}, "InvalidParameterValueException"),
        ({"ReplicationInstanceIdentifier": "two--hyphens"}, "InvalidParameterValueException"),
        ({"ReplicationInstanceIdentifier": "ends-"}, "InvalidParameterValueException"),
        ({"ReplicationInstanceIdentifier": "x" * 64}, "InvalidParameterValueException"),
        ({"ReplicationInstanceClass": "db.r6g.large"}, "InvalidParameterValueException"),
        ({"EngineVersion": "1.0"}, "InvalidParameterValueException"),
        ({"AllocatedStorage": 1}, "InvalidParameterValueException"),
        ({"ReplicationSubnetGroupIdentifier": "nobody"}, "ResourceNotFoundFault"),
        ({"Surprise": 1}, "SerializationException"),
    ],
)
def test_refuses_an_instance_that_aws_refuses(lab: Lab, changes: dict[str, Any], code: str) -> None:
    given = {"ReplicationInstanceIdentifier": "i", "ReplicationInstanceClass": "dms.t3.micro", **changes}
    assert _fault(lab, "CreateReplicationInstance", **given) in (code, "ValidationException")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"EngineName": "postgresql"}, "InvalidParameterValueException"),
        ({"EndpointIdentifier": "no good"}, "InvalidParameterValueException"),
        ({"DatabaseName": None}, "InvalidParameterCombinationException"),
        ({"SslMode": "verify-full"}, "InvalidParameterCombinationException"),
        ({"Username": "u"}, "InvalidParameterCombinationException"),
        ({"PostgreSQLSettings": {"SecretsManagerSecretId": "s"}}, "InvalidParameterCombinationException"),
        ({"PostgreSQLSettings": {}}, "InvalidParameterCombinationException"),
    ],
)
def test_refuses_an_endpoint_that_aws_refuses(lab: Lab, changes: dict[str, Any], code: str) -> None:
    assert _fault(lab, "CreateEndpoint", **_endpoint(**changes)) == code


def test_an_endpoint_needs_a_role_that_may_read_its_secret(lab: Lab) -> None:
    lab.platform.refused.add(ROLE)
    assert _fault(lab, "CreateEndpoint", **_endpoint()) == "AccessDeniedFault"


def test_an_endpoint_never_shows_its_password(lab: Lab) -> None:
    clear = {"Username": "u", "Password": "p", "ServerName": "127.0.0.31", "Port": 5432}
    made = lab.call("CreateEndpoint", **_endpoint(PostgreSQLSettings=None, **clear))["Endpoint"]
    changed = lab.call("ModifyEndpoint", EndpointArn=made["EndpointArn"], Port=5433)["Endpoint"]
    assert changed["Port"] == 5433
    assert '"p"' not in json.dumps([made, changed, lab.call("DescribeEndpoints")])
    assert _fault(lab, "CreateEndpoint", **_endpoint()) == "ResourceAlreadyExistsFault"


@pytest.mark.parametrize(
    ("secret", "message"),
    [
        ({"password": "wrong"}, "password authentication failed"),
        ({"host": "nowhere.rds.amazonaws.com"}, "could not translate host name"),
        ({"port": None}, "Required key port is missing"),
    ],
)
def test_a_connection_test_fails_with_the_databases_own_words(lab: Lab, secret: dict[str, Any], message: str) -> None:
    lab.platform.secrets["source-secret"].update(secret)
    tested = lab.test_connection(lab.instance(), lab.endpoint("source"))
    assert tested["Status"] == "failed"
    assert message in tested["LastFailureMessage"]


def test_no_task_starts_before_both_connections_were_tested(lab: Lab) -> None:
    arn = lab.task()
    task = lab.described(arn)
    endpoint, instance = task["TargetEndpointArn"], task["ReplicationInstanceArn"]
    lab.platform.secrets["target-secret"]["password"] = "wrong"
    lab.test_connection(instance, endpoint)
    start = {"ReplicationTaskArn": arn, "StartReplicationTaskType": "start-replication"}
    assert _fault(lab, "StartReplicationTask", **start) == "InvalidResourceStateFault"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"ReplicationTaskIdentifier": "-"}, "InvalidParameterValueException"),
        ({"TableMappings": "not json"}, "InvalidParameterValueException"),
        ({"TableMappings": '{"rules": []}'}, "InvalidParameterValueException"),
        ({"TableMappings": _rules({"rule-type": "selektion"})}, "InvalidParameterValueException"),
        ({"TableMappings": _rules({"rule-action": "take"})}, "InvalidParameterValueException"),
        ({"TableMappings": _rules({"object-locator": {"table-name": "%"}})}, "InvalidParameterValueException"),
        ({"TableMappings": _rules({}, {"rule-name": "2"})}, "InvalidParameterValueException"),
        ({"TableMappings": _rules({"rule-id": "one"})}, "InvalidParameterValueException"),
        ({"ReplicationTaskSettings": "[]"}, "InvalidParameterValueException"),
        ({"ReplicationTaskSettings": '{"Nonsense": {}}'}, "InvalidParameterValueException"),
        (
            {"ReplicationTaskSettings": '{"FullLoadSettings": {"TargetTablePrepMode": "DROP"}}'},
            "InvalidParameterValueException",
        ),
        ({"ReplicationTaskSettings": '{"TargetMetadata": {"FullLobMode": true}}'}, "InvalidParameterValueException"),
        ({"ReplicationTaskSettings": '{"TargetMetadata": {"LobMaxSize": "32"}}'}, "InvalidParameterValueException"),
        ({"CdcStartPosition": "4AF/B00000D0"}, "InvalidParameterCombinationException"),
        ({"CdcStartTime": 1_700_000_000}, "InvalidParameterCombinationException"),
    ],
)
def test_refuses_a_task_that_aws_refuses(lab: Lab, changes: dict[str, Any], code: str) -> None:
    given = {
        "ReplicationTaskIdentifier": "t",
        "ReplicationInstanceArn": lab.instance(),
        "SourceEndpointArn": lab.endpoint("source"),
        "TargetEndpointArn": lab.endpoint("target"),
        "MigrationType": "full-load-and-cdc",
        "TableMappings": EVERYTHING,
        **changes,
    }
    assert _fault(lab, "CreateReplicationTask", **given) == code


def test_a_task_has_a_source_and_a_target_and_a_log_role_when_it_logs(lab: Lab) -> None:
    ends = {"ReplicationInstanceArn": lab.instance(), "SourceEndpointArn": lab.endpoint("source")}
    task = {"ReplicationTaskIdentifier": "t", "MigrationType": "full-load", "TableMappings": EVERYTHING, **ends}
    same = {**task, "TargetEndpointArn": ends["SourceEndpointArn"]}
    assert _fault(lab, "CreateReplicationTask", **same) == "InvalidParameterCombinationException"
    lab.platform.refused.add("arn:aws:iam::000000000000:role/dms-cloudwatch-logs-role")
    logging = {
        "TargetEndpointArn": lab.endpoint("target"),
        "ReplicationTaskSettings": '{"Logging": {"EnableLogging": true}}',
    }
    assert _fault(lab, "CreateReplicationTask", **task, **logging) == "AccessDeniedFault"


def test_starts_once_and_resumes_later(lab: Lab) -> None:
    lab.on_both("CREATE TABLE app.t (id int PRIMARY KEY)")
    arn = lab.task()
    wrong = {"ReplicationTaskArn": arn, "StartReplicationTaskType": "resume-processing"}
    assert _fault(lab, "StartReplicationTask", **wrong) == "InvalidResourceStateFault"
    lab.start(arn)
    assert lab.described(arn)["Status"] == "starting"
    assert _fault(lab, "DeleteReplicationTask", ReplicationTaskArn=arn) == "InvalidResourceStateFault"
    lab.await_status(arn, "running")
    assert _fault(lab, "ModifyReplicationTask", ReplicationTaskArn=arn) == "InvalidResourceStateFault"
    lab.call("StopReplicationTask", ReplicationTaskArn=arn)
    assert _fault(lab, "StopReplicationTask", ReplicationTaskArn=arn) == "InvalidResourceStateFault"
    lab.await_status(arn, "stopped")
    again = {**wrong, "StartReplicationTaskType": "start-replication"}
    assert _fault(lab, "StartReplicationTask", **again) == "InvalidResourceStateFault"
    settings = '{"FullLoadSettings": {"MaxFullLoadSubTasks": 2}}'
    lab.call("ModifyReplicationTask", ReplicationTaskArn=arn, ReplicationTaskSettings=settings)
    lab.await_status(arn, "stopped")
    assert json.loads(lab.described(arn)["ReplicationTaskSettings"])["FullLoadSettings"]["MaxFullLoadSubTasks"] == 2


def test_pages_and_filters(lab: Lab) -> None:
    first = lab.call("DescribeOrderableReplicationInstances", MaxRecords=20)
    second = lab.call("DescribeOrderableReplicationInstances", MaxRecords=20, Marker=first["Marker"])
    assert len(first["OrderableReplicationInstances"]) == 20
    assert second["OrderableReplicationInstances"]
    assert "Marker" not in second
    assert _fault(lab, "DescribeReplicationTasks", MaxRecords=5) == "InvalidParameterValueException"
    assert _fault(lab, "DescribeReplicationTasks", Marker="what") == "InvalidParameterValueException"
    filters = [{"Name": "colour", "Values": ["blue"]}]
    assert _fault(lab, "DescribeEndpoints", Filters=filters) == "InvalidParameterValueException"
    assert lab.call("DescribeConnections") == {"Connections": []}


def test_tags(lab: Lab) -> None:
    made = lab.call("CreateEndpoint", **_endpoint(Tags=[{"Key": "a", "Value": "1"}]))["Endpoint"]["EndpointArn"]
    lab.call("AddTagsToResource", ResourceArn=made, Tags=[{"Key": "b", "Value": "2"}])
    lab.call("RemoveTagsFromResource", ResourceArn=made, TagKeys=["a"])
    assert lab.call("ListTagsForResource", ResourceArn=made)["TagList"] == [
        {"Key": "b", "Value": "2", "ResourceArn": made}
    ]
    assert _fault(lab, "ListTagsForResource", ResourceArn=f"{made}x") == "ResourceNotFoundFault"
