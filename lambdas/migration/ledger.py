"""The ledger (DynamoDB): who migrates which source, and what each migration must remember or undo.

Items, key `id`: `source#<name>` is the claim {migrationId, executionArn, claimedAt}; `migration#<id>` holds stage,
undo data, fence journal, tokens and decisions. Every change is a conditional write.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer

if TYPE_CHECKING:
    from types_boto3_dynamodb import DynamoDBClient

_WRITE = TypeSerializer()
_READ = TypeDeserializer()


@dataclass(frozen=True)
class Claim:
    """Who migrates a source. `claimed_at` is ISO 8601 UTC."""

    migration_id: str
    execution_arn: str
    claimed_at: str


class Ledger:
    """Adapter around one DynamoDB table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client = client
        self._table = table

    def claim(self, source: str, wanted: Claim, *, instead_of: Claim | None = None) -> Claim:
        """Claims `source` if it is free, already ours, or held by `instead_of`; returns who holds it afterwards."""
        change = _Change(
            {"migrationId": wanted.migration_id, "executionArn": wanted.execution_arn, "claimedAt": wanted.claimed_at}
        )
        holders = [wanted.execution_arn] + ([instead_of.execution_arn] if instead_of else [])
        allowed = " OR ".join(f"#executionArn = {change.value(arn)}" for arn in holders)
        self._update(f"source#{source}", change, f"attribute_not_exists(id) OR {allowed}")
        return self.holder(source) or wanted

    def holder(self, source: str) -> Claim | None:
        """The claim on `source`, None when it is free."""
        item = self._item(f"source#{source}")
        return Claim(item["migrationId"], item["executionArn"], item["claimedAt"]) if item else None

    def release(self, source: str, migration_id: str) -> None:
        """Gives the claim back; a claim that is not (or no longer) ours stays."""
        try:
            self._client.delete_item(
                TableName=self._table,
                Key={"id": {"S": f"source#{source}"}},
                ConditionExpression="attribute_not_exists(id) OR migrationId = :mine",
                ExpressionAttributeValues={":mine": {"S": migration_id}},
            )
        except self._client.exceptions.ConditionalCheckFailedException:
            return

    def read(self, migration_id: str) -> dict[str, Any]:
        """What is remembered of a migration, strongly consistent; {} when nothing is."""
        return self._item(f"migration#{migration_id}")

    def update(self, migration_id: str, changes: Mapping[str, Any], *, expect: Mapping[str, Any] | None = None) -> bool:
        """Sets attributes (None removes) if those in `expect` have these values (None: are absent).

        Names may be paths (`fence.state`) whose parent exists. Returns False when the item is not as expected.
        """
        change = _Change(changes)
        return self._update(f"migration#{migration_id}", change, change.condition(expect or {}))

    def delete(self, migration_id: str) -> None:
        """Forgets a migration."""
        self._client.delete_item(TableName=self._table, Key={"id": {"S": f"migration#{migration_id}"}})

    def _item(self, key: str) -> dict[str, Any]:
        answer = self._client.get_item(TableName=self._table, Key={"id": {"S": key}}, ConsistentRead=True)
        item = {name: _plain(_READ.deserialize(value)) for name, value in answer.get("Item", {}).items()}
        item.pop("id", None)
        return item

    def _update(self, key: str, change: _Change, condition: str) -> bool:
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"id": {"S": key}},
            "UpdateExpression": change.expression,
            "ExpressionAttributeNames": change.names,
        }
        if condition:
            request["ConditionExpression"] = condition
        if change.values:
            request["ExpressionAttributeValues"] = change.values
        try:
            self._client.update_item(**request)
        except self._client.exceptions.ConditionalCheckFailedException:
            return False
        return True


class _Change:
    """An update in DynamoDB's expression language."""

    def __init__(self, changes: Mapping[str, Any]) -> None:
        self.names: dict[str, str] = {}
        self.values: dict[str, Any] = {}
        sets = [f"{self.path(name)} = {self.value(value)}" for name, value in changes.items() if value is not None]
        removed = [self.path(name) for name, value in changes.items() if value is None]
        clauses = [f"{verb} {', '.join(parts)}" for verb, parts in (("SET", sets), ("REMOVE", removed)) if parts]
        self.expression = " ".join(clauses)

    def path(self, name: str) -> str:
        parts = name.split(".")
        self.names.update({f"#{part}": part for part in parts})
        return ".".join(f"#{part}" for part in parts)

    def value(self, value: Any) -> str:
        placeholder = f":v{len(self.values)}"
        # Through JSON: DynamoDB takes no float, and what cannot be JSON must not be stored.
        self.values[placeholder] = _WRITE.serialize(json.loads(json.dumps(value), parse_float=Decimal))
        return placeholder

    def condition(self, expected: Mapping[str, Any]) -> str:
        return " AND ".join(
            f"attribute_not_exists({self.path(name)})" if value is None else f"{self.path(name)} = {self.value(value)}"
            for name, value in expected.items()
        )


def _plain(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value) if value == value.to_integral_value() else float(value)
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    return value
