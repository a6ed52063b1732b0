"""TestConnection and what it leaves behind: one connection per replication instance and endpoint."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rehearsal.account import faults
from rehearsal.account.dms import access
from rehearsal.account.dms.endpoints import Endpoints
from rehearsal.account.dms.faults import not_found, wrong_state
from rehearsal.account.dms.instances import Instances
from rehearsal.account.dms.listing import page, select
from rehearsal.account.dms.ports import Platform

TESTING_SECONDS = 45.0


class Connections:
    """Tested connections by (instance ARN, endpoint ARN): `testing`, then `successful` or `failed` with the reason."""

    def __init__(self, platform: Platform, instances: Instances, endpoints: Endpoints) -> None:
        self._platform, self._instances, self._endpoints = platform, instances, endpoints
        self.by_pair: dict[tuple[str, str], dict[str, Any]] = {}

    def test(self, request: dict[str, Any]) -> dict[str, Any]:
        endpoint = self._endpoints.get(request["EndpointArn"])
        instance = self._instances.available(request["ReplicationInstanceArn"])
        pair = (instance["ReplicationInstanceArn"], endpoint["EndpointArn"])
        if self.by_pair.get(pair, {}).get("Status") == "testing":
            raise wrong_state(f"Connection test for endpoint {pair[1]} is already in progress")
        self.by_pair[pair] = {
            "ReplicationInstanceArn": pair[0],
            "EndpointArn": pair[1],
            "Status": "testing",
            "EndpointIdentifier": endpoint["EndpointIdentifier"],
            "ReplicationInstanceIdentifier": instance["ReplicationInstanceIdentifier"],
        }
        self._platform.run_later(TESTING_SECONDS, lambda: self._finish(pair))
        return {"Connection": dict(self.by_pair[pair])}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        by: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "endpoint-arn": lambda item: [item["EndpointArn"]],
            "replication-instance-arn": lambda item: [item["ReplicationInstanceArn"]],
        }
        chosen, marker = page(select(list(self.by_pair.values()), request, "Connections", by), request)
        return {"Connections": chosen, **marker}

    def delete(self, request: dict[str, Any], in_use: Callable[[str], bool]) -> dict[str, Any]:
        pair = (request["ReplicationInstanceArn"], request["EndpointArn"])
        if pair not in self.by_pair:
            raise not_found(f"Connection between {pair[0]} and {pair[1]} not found")
        if in_use(pair[1]):
            raise wrong_state(f"Endpoint {pair[1]} is part of one or more ReplicationTasks.")
        connection = self.by_pair.pop(pair)
        return {"Connection": {**connection, "Status": "deleting"}}

    def require_tested(self, instance_arn: str, endpoint_arn: str) -> None:
        """Raises InvalidResourceStateFault unless the last test succeeded: AWS starts no task before."""
        if self.by_pair.get((instance_arn, endpoint_arn), {}).get("Status") != "successful":
            raise wrong_state(
                "Test connection for replication instance and endpoint should be successful for starting the"
                f" replication task: {endpoint_arn}"
            )

    def forget(self, arn: str) -> None:
        """Drop the connections of a deleted instance or endpoint."""
        for pair in [pair for pair in self.by_pair if arn in pair]:
            del self.by_pair[pair]

    def _finish(self, pair: tuple[str, str]) -> None:
        connection = self.by_pair.get(pair)
        if connection is None or pair[1] not in self._endpoints.by_arn:
            return
        try:
            _refuse_by_rule(connection["EndpointIdentifier"])
            self._probe(self._endpoints.by_arn[pair[1]])
        except access.Unreachable as error:
            connection.update(
                Status="failed",
                LastFailureMessage=f"Test Endpoint failed: Application-Status: 1020912, Application-Message: {error},"
                " Application-Detailed-Message: RetCode: SQL_ERROR SqlState: 08001",
            )
        else:
            connection.update(Status="successful")
            connection.pop("LastFailureMessage", None)

    def _probe(self, endpoint: dict[str, Any]) -> None:
        login = access.login(self._platform, endpoint)
        login.open(timeout_seconds=access.CONNECT_TIMEOUT_SECONDS).close()


def _refuse_by_rule(endpoint: str) -> None:
    fault = faults.take("connection-test-fails", endpoint)
    if fault is not None:
        raise access.Unreachable(fault.get("message", "Cannot connect to ODBC provider Network error has occurred"))
