"""The API front: what a real client sends is parsed, checked and answered as the model says."""

import asyncio
import datetime as dt
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from rehearsal.account.wire import Api, ApiError
from tests.account_client import client_of

NOW = dt.datetime(2026, 11, 23, 20, 15, 4, tzinfo=dt.UTC)


class Recorder:
    """An operation that keeps its parameters and gives a fixed answer."""

    def __init__(self, answer: dict[str, Any]) -> None:
        self.answer = answer
        self.parameters: dict[str, Any] = {}

    def __call__(self, parameters: dict[str, Any]) -> dict[str, Any]:
        self.parameters = parameters
        return self.answer


def _refuse(parameters: dict[str, Any]) -> dict[str, Any]:
    raise ApiError("DBInstanceNotFoundFault", f"DBInstance {parameters['DBInstanceIdentifier']} <not> found.")


def _code(error: ClientError) -> tuple[str, int]:
    return error.response["Error"]["Code"], error.response["ResponseMetadata"]["HTTPStatusCode"]


def test_query_parameters_arrive_with_their_types() -> None:
    operation = Recorder({})
    rds = client_of(Api("rds", {"ModifyDBCluster": operation}))
    wanted = {
        "DBClusterIdentifier": "orders",
        "VpcSecurityGroupIds": ["sg-1", "sg-2"],
        "ApplyImmediately": True,
        "BackupRetentionPeriod": 7,
        "ServerlessV2ScalingConfiguration": {"MinCapacity": 0.5, "MaxCapacity": 16.0},
        "CloudwatchLogsExportConfiguration": {"EnableLogTypes": ["postgresql"]},
    }
    rds.modify_db_cluster(**wanted)
    assert operation.parameters == wanted


def test_query_answer_is_read_back_unchanged() -> None:
    event = {"SourceIdentifier": "a&b", "SourceType": "db-instance", "EventCategories": ["backup"], "Date": NOW}
    rds = client_of(Api("rds", {"DescribeEvents": Recorder({"Events": [event], "Marker": "2"})}))
    answer = rds.describe_events(StartTime=NOW)
    assert answer["Events"] == [event]
    assert answer["Marker"] == "2"


def test_times_arrive_aware() -> None:
    operation = Recorder({"Events": []})
    client_of(Api("rds", {"DescribeEvents": operation})).describe_events(StartTime=NOW)
    assert operation.parameters["StartTime"] == NOW


def test_error_code_and_status_come_from_the_model() -> None:
    rds = client_of(Api("rds", {"DescribeDBInstances": _refuse}))
    with pytest.raises(ClientError) as caught:
        rds.describe_db_instances(DBInstanceIdentifier="orders-db")
    assert _code(caught.value) == ("DBInstanceNotFound", 404)
    assert caught.value.response["Error"]["Message"] == "DBInstance orders-db <not> found."


@pytest.mark.parametrize(
    ("form", "code"),
    [
        ("Action=DeleteDBInstance", "MissingParameter"),
        ("Action=DeleteDBInstance&DBInstanceIdentifier=a&SkipFinalSnapshot=perhaps", "MalformedInput"),
        ("Action=DeleteDBInstance&DBInstanceIdentifier=a&Colour=red", "MalformedInput"),
        ("Action=DeleteDatabase", "InvalidAction"),
    ],
)
def test_a_malformed_query_is_refused(form: str, code: str) -> None:
    status, _, body = Api("rds", {"DeleteDBInstance": Recorder({})}).call({}, form, {})
    assert status == 400
    assert f"<Code>{code}</Code>" in body.decode()


def test_json_round_trip() -> None:
    answer = {"Connections": [{"ReplicationInstanceArn": "arn:r", "Status": "testing"}], "Marker": "1"}
    operation = Recorder(answer)
    dms = client_of(Api("dms", {"DescribeConnections": operation}))
    got = dms.describe_connections(Filters=[{"Name": "endpoint-arn", "Values": ["arn:e"]}], MaxRecords=50)
    assert {key: got[key] for key in answer} == answer
    assert operation.parameters == {"Filters": [{"Name": "endpoint-arn", "Values": ["arn:e"]}], "MaxRecords": 50}


def test_json_errors_are_named() -> None:
    def missing(_: dict[str, Any]) -> dict[str, Any]:
        raise ApiError("ResourceNotFoundFault", "no such task")

    dms = client_of(Api("dms", {"DeleteReplicationTask": missing}))
    with pytest.raises(dms.exceptions.ResourceNotFoundFault):
        dms.delete_replication_task(ReplicationTaskArn="arn:t")


def test_json_with_an_unknown_member_is_refused() -> None:
    api = Api("dms", {"DeleteReplicationTask": Recorder({})})
    headers = {"X-Amz-Target": "AmazonDMSv20160101.DeleteReplicationTask"}
    status, _, body = api.call(headers, json.dumps({"ReplicationTaskArn": "a", "Colour": "red"}), {})
    assert (status, json.loads(body)["__type"]) == (400, "SerializationException")


def test_a_broken_operation_is_an_internal_failure() -> None:
    api = Api("rds", {"DescribeEvents": Recorder({"Nonsense": 1})})
    assert api.call({}, "Action=DescribeEvents", {})[0] == 500


def test_an_operation_the_model_lacks_cannot_be_offered() -> None:
    with pytest.raises(ValueError, match="rds has no operation Describe"):
        Api("rds", {"Describe": Recorder({})})


def test_handle_answers_off_the_event_loop() -> None:
    api = Api("rds", {"DescribeEvents": Recorder({"Events": []})})
    status, headers, body = asyncio.run(api.handle("POST", "/", {}, b"Action=DescribeEvents", {}))
    assert (status, headers["Content-Type"]) == (200, "text/xml")
    assert b"<DescribeEventsResult>" in body
