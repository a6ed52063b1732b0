"""AWS's json 1.1 protocol: a JSON object in and out, the operation named in `X-Amz-Target` (DMS)."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from typing import Any

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

WireValue = Any  # what the shape beside it says; the model is the type


class JsonCodec:
    """Reads and writes plain JSON; times travel as epoch seconds."""

    missing_code = "InvalidParameterValueException"
    malformed_code = "SerializationException"

    def __init__(self, model: ServiceModel) -> None:
        self._content_type = f"application/x-amz-json-{model.metadata.get('jsonVersion', '1.1')}"

    def operation_name(self, headers: Mapping[str, str], form: Mapping[str, str]) -> str:
        del form
        return headers.get("x-amz-target", "").rpartition(".")[2]

    def parse(self, operation: OperationModel, body: bytes, form: Mapping[str, str]) -> dict[str, Any]:
        """The operation's parameters. Raises ValueError for a body that is no JSON object."""
        del form
        parameters = json.loads(body or b"{}")
        if not isinstance(parameters, dict):
            raise ValueError(f"the body of {operation.name} must be a JSON object")
        return dict(_read(operation.input_shape, parameters)) if operation.input_shape else {}

    def answer(
        self, operation: OperationModel, result: Mapping[str, Any], request_id: str
    ) -> tuple[dict[str, str], bytes]:
        del request_id
        content = _write(operation.output_shape, dict(result)) if operation.output_shape else {}
        return {"Content-Type": self._content_type}, json.dumps(content).encode()

    def error(self, code: str, message: str, status: int, request_id: str) -> tuple[dict[str, str], bytes]:
        del status, request_id
        headers = {"Content-Type": self._content_type, "x-amzn-ErrorType": code}
        return headers, json.dumps({"__type": code, "message": message}).encode()


def _read(shape: Shape, value: WireValue) -> WireValue:
    """The value with its times parsed and its nulls left out; unknown members stay, for the validator to refuse."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        members = shape.members
        return {
            name: _read(members[name], item) if name in members else item
            for name, item in value.items()
            if item is not None
        }
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_read(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {name: _read(shape.value, item) for name, item in value.items()}
    return parse_timestamp(value) if shape.type_name == "timestamp" else value


def _write(shape: Shape, value: WireValue) -> WireValue:
    if isinstance(shape, StructureShape):
        return _write_structure(shape, value)
    if isinstance(shape, ListShape):
        return [_write(shape.member, item) for item in value]
    if isinstance(shape, MapShape):
        return {name: _write(shape.value, item) for name, item in value.items()}
    return value.timestamp() if isinstance(value, dt.datetime) else value


def _write_structure(shape: StructureShape, value: Mapping[str, Any]) -> dict[str, Any]:
    unknown = set(value) - set(shape.members)
    if unknown:
        raise KeyError(f"{shape.name} has no member {', '.join(sorted(unknown))}")
    return {name: _write(shape.members[name], item) for name, item in value.items() if item is not None}
