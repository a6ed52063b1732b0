"""The front of an emulated AWS service: botocore's own model parses, checks and serialises every call.

An `Api` knows no service by heart. What a request may hold, which members are required, how an answer looks on the
wire and which HTTP status an error code has all come from the API model that botocore ships, so an emulated service is
exactly as strict as its model.
"""

from __future__ import annotations

import asyncio
import contextvars
import functools
import logging
import uuid
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Protocol

import botocore.session
from botocore.model import OperationModel, ServiceModel
from botocore.validate import ParamValidator

from rehearsal.account.wire_json import JsonCodec
from rehearsal.account.wire_query import QueryCodec

Operation = Callable[[dict[str, Any]], dict[str, Any]]
Answer = tuple[int, dict[str, str], bytes]

_log = logging.getLogger(__name__)


class ApiError(Exception):
    """An answer with an AWS error code.

    `code` is the wire code ("DBInstanceNotFound") or the model's shape name ("DBInstanceNotFoundFault"); the HTTP
    status is the model's when the model knows the code, else `status`.
    """

    def __init__(self, code: str, message: str, status: int = 400) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class Codec(Protocol):
    """One AWS protocol: where the operation's name stands, how a request and an answer are written."""

    missing_code: str
    malformed_code: str

    def operation_name(self, headers: Mapping[str, str], form: Mapping[str, str]) -> str: ...

    def parse(self, operation: OperationModel, body: bytes, form: Mapping[str, str]) -> dict[str, Any]: ...

    def answer(
        self, operation: OperationModel, result: Mapping[str, Any], request_id: str
    ) -> tuple[dict[str, str], bytes]: ...

    def error(self, code: str, message: str, status: int, request_id: str) -> tuple[dict[str, str], bytes]: ...


class Api:
    """An emulated service. `operations` maps operation names to plain functions: parameters in, answer's members out.

    Each operation runs in a worker thread; what it raises as `ApiError` is the caller's answer, anything else is logged
    and answered as `InternalFailure` (500).
    """

    def __init__(self, service: str, operations: Mapping[str, Operation]) -> None:
        self.model: ServiceModel = botocore.session.get_session().get_service_model(service)
        unknown = set(operations) - set(self.model.operation_names)
        if unknown:
            raise ValueError(f"{service} has no operation {', '.join(sorted(unknown))}: fix the operation table")
        self.operations = dict(operations)
        self._codec: Codec = (
            QueryCodec(self.model) if self.model.metadata["protocol"] == "query" else JsonCodec(self.model)
        )
        self._workers = ThreadPoolExecutor(max_workers=8, thread_name_prefix=f"{service}-api")

    async def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | str, query_params: Mapping[str, Any]
    ) -> Answer:
        """Answer one HTTP request (ministack's service handler signature: an `Api` stands in its dispatch table)."""
        del method, path
        call = functools.partial(self.call, dict(headers), body, dict(query_params or {}))
        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._workers, context.run, call)

    def call(self, headers: Mapping[str, str], body: bytes | str, query_params: Mapping[str, Any]) -> Answer:
        """Answer one request in this thread: (HTTP status, headers, body)."""
        request_id = str(uuid.uuid4())
        raw = body.encode() if isinstance(body, str) else bytes(body or b"")
        operation: OperationModel | None = None
        try:
            form = QueryCodec.form(raw, query_params) if isinstance(self._codec, QueryCodec) else {}
            operation = self._operation({name.lower(): value for name, value in headers.items()}, form)
            result = self.invoke(operation.name, self._parameters(operation, raw, form))
            extra, content = self._codec.answer(operation, result, request_id)
            return 200, {**extra, "x-amzn-requestid": request_id}, content
        except ApiError as error:
            return self._refuse(operation, error, request_id)
        except Exception:
            _log.exception("%s failed", operation.name if operation else "request")
            return self._refuse(operation, ApiError("InternalFailure", "the emulated service failed", 500), request_id)

    def invoke(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """Check parsed parameters against the model and run the operation. Raises ApiError."""
        operation = self.model.operation_model(name)
        self._validate(operation, parameters)
        return self.operations[name](parameters)

    def _operation(self, headers: Mapping[str, str], form: Mapping[str, str]) -> OperationModel:
        name = self._codec.operation_name(headers, form)
        if name not in self.model.operation_names:
            raise ApiError("InvalidAction", f"{self.model.service_name} has no operation {name!r}")
        if name not in self.operations:
            raise ApiError("InvalidAction", f"the emulated {self.model.service_name} does not offer {name}", 501)
        return self.model.operation_model(name)

    def _parameters(self, operation: OperationModel, body: bytes, form: Mapping[str, str]) -> dict[str, Any]:
        try:
            return self._codec.parse(operation, body, form)
        except (ValueError, TypeError) as error:
            raise ApiError(self._codec.malformed_code, str(error)) from error

    def _validate(self, operation: OperationModel, parameters: dict[str, Any]) -> None:
        if operation.input_shape is None:
            return
        missing = [name for name in operation.input_shape.required_members if name not in parameters]
        if missing:
            raise ApiError(self._codec.missing_code, f"The request must contain the parameter {missing[0]}.")
        report = ParamValidator().validate(parameters, operation.input_shape)
        if report.has_errors():
            raise ApiError(self._codec.malformed_code, report.generate_report())

    def _refuse(self, operation: OperationModel | None, error: ApiError, request_id: str) -> Answer:
        code, status = _modelled(operation, error) if operation else (error.code, error.status)
        extra, content = self._codec.error(code, error.message, status, request_id)
        return status, {**extra, "x-amzn-requestid": request_id}, content


def _modelled(operation: OperationModel, error: ApiError) -> tuple[str, int]:
    """The wire code and HTTP status that the model gives an error, known by its shape name or by its code."""
    for shape in operation.error_shapes:
        details: dict[str, Any] = shape.metadata.get("error", {})
        code = str(details.get("code", shape.name))
        if error.code in (shape.name, code):
            return code, int(details.get("httpStatusCode", error.status))
    return error.code, error.status
