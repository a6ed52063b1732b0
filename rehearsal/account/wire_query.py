"""AWS's query protocol: a flat form in, XML out (RDS). Shapes and names come from botocore's model."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl
from xml.sax.saxutils import escape

from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StructureShape
from botocore.utils import parse_timestamp

WireValue = Any  # what the shape beside it says; the model is the type
_NOT_PARAMETERS = {"Action", "Version"}


class QueryCodec:
    """Reads `VpcSecurityGroupIds.VpcSecurityGroupId.1=sg-1` and writes `<OpResponse><OpResult>…`."""

    missing_code = "MissingParameter"
    malformed_code = "MalformedInput"

    def __init__(self, model: ServiceModel) -> None:
        self._namespace = model.metadata.get("xmlNamespace", "")

    @staticmethod
    def form(body: bytes, query_params: Mapping[str, Any]) -> dict[str, str]:
        """All form fields of a request, from the URL and the body; the body wins."""
        url = {key: value[0] if isinstance(value, list) else value for key, value in query_params.items()}
        return {**url, **dict(parse_qsl(body.decode(), keep_blank_values=True))}

    def operation_name(self, headers: Mapping[str, str], form: Mapping[str, str]) -> str:
        del headers
        return form.get("Action", "")

    def parse(self, operation: OperationModel, body: bytes, form: Mapping[str, str]) -> dict[str, Any]:
        """The operation's parameters. Raises ValueError for an unknown field or an ill-typed value."""
        del body
        fields = {
            key: value for key, value in form.items() if key not in _NOT_PARAMETERS and not key.startswith("X-Amz-")
        }
        if operation.input_shape is None:
            return {}
        left = dict(fields)
        parameters = _read(operation.input_shape, "", left)
        if left:
            raise ValueError(f"unknown parameter {sorted(left)[0]}: {operation.name} does not take it")
        return dict(parameters or {})

    def answer(
        self, operation: OperationModel, result: Mapping[str, Any], request_id: str
    ) -> tuple[dict[str, str], bytes]:
        name, inner = operation.name, ""
        if operation.output_shape is not None:
            wrapper = operation.output_shape.serialization.get("resultWrapper", f"{name}Result")
            inner = f"<{wrapper}>{_write(operation.output_shape, dict(result))}</{wrapper}>"
        metadata = f"<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>"
        text = f'<{name}Response xmlns="{self._namespace}">{inner}{metadata}</{name}Response>'
        return {"Content-Type": "text/xml"}, text.encode()

    def error(self, code: str, message: str, status: int, request_id: str) -> tuple[dict[str, str], bytes]:
        kind = "Sender" if status < 500 else "Receiver"
        text = (
            f'<ErrorResponse xmlns="{self._namespace}"><Error><Type>{kind}</Type><Code>{escape(code)}</Code>'
            f"<Message>{escape(message)}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"
        )
        return {"Content-Type": "text/xml"}, text.encode()


def _read(shape: Shape, prefix: str, left: dict[str, str]) -> WireValue:
    """The value at `prefix`, taking what it uses out of `left`; None when nothing stands there."""
    if isinstance(shape, StructureShape):
        return _read_structure(shape, prefix, left)
    if isinstance(shape, ListShape):
        return _read_list(shape, prefix, left)
    if isinstance(shape, MapShape):
        raise ValueError(f"{prefix}: maps are not part of any emulated query operation")
    text = left.pop(prefix, None)
    return None if text is None else _scalar(shape, prefix, text)


def _read_structure(shape: StructureShape, prefix: str, left: dict[str, str]) -> dict[str, Any] | None:
    found = {}
    for name, member in shape.members.items():
        key = str(member.serialization.get("name", name))
        value = _read(member, f"{prefix}.{key}" if prefix else key, left)
        if value is not None:
            found[name] = value
    return found or None


def _read_list(shape: ListShape, prefix: str, left: dict[str, str]) -> list[Any] | None:
    if left.pop(prefix, None) == "":
        return []
    named = re.escape(str(shape.member.serialization.get("name", "member")))
    pattern = re.compile(rf"{re.escape(prefix)}\.({named}|member)\.(\d+)(\.|$)")
    heads = {(int(match[2]), f"{prefix}.{match[1]}.{match[2]}") for match in map(pattern.match, list(left)) if match}
    return [_read(shape.member, head, left) for _, head in sorted(heads)] or None


def _scalar(shape: Shape, name: str, text: str) -> WireValue:
    kind = shape.type_name
    if kind == "boolean":
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name}: {text!r} is not true or false")
        return text.lower() == "true"
    try:
        if kind in ("integer", "long"):
            return int(text)
        if kind in ("double", "float"):
            return float(text)
        return parse_timestamp(text) if kind == "timestamp" else text
    except ValueError as error:
        raise ValueError(f"{name}: {text!r} is no {kind}") from error


def _write(shape: Shape, value: WireValue) -> str:
    if isinstance(shape, StructureShape):
        return _write_structure(shape, value)
    if isinstance(shape, ListShape):
        tag = str(shape.member.serialization.get("name", "member"))
        return "".join(f"<{tag}>{_write(shape.member, item)}</{tag}>" for item in value)
    return escape(_text(shape, value))


def _write_structure(shape: StructureShape, value: Mapping[str, Any]) -> str:
    unknown = set(value) - set(shape.members)
    if unknown:
        raise KeyError(f"{shape.name} has no member {', '.join(sorted(unknown))}")
    parts = []
    for name, member in shape.members.items():
        if value.get(name) is not None:
            tag = str(member.serialization.get("name", name))
            parts.append(f"<{tag}>{_write(member, value[name])}</{tag}>")
    return "".join(parts)


def _text(shape: Shape, value: WireValue) -> str:
    if shape.type_name == "boolean":
        return "true" if value else "false"
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return str(value)
