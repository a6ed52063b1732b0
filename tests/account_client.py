"""boto3 clients of an emulated service, without a network: requests go straight into its `Api`."""

import io
from typing import Any

import boto3
from botocore.awsrequest import AWSPreparedRequest, AWSResponse
from botocore.compat import HTTPHeaders
from moto.core.models import botocore_stubber

from rehearsal.account.wire import Api


class _Body(io.BytesIO):
    def stream(self, **_: object) -> list[bytes]:
        return [self.read()]


def _items(request: AWSPreparedRequest) -> list[tuple[str, Any]]:
    return list(request.headers.items())


def client_of(api: Api) -> Any:  # boto3's clients are made at run time
    """A real boto3 client whose requests `api` answers: the client's own serialiser and parser are part of the test."""
    name = api.model.service_name
    client: Any = boto3.client(
        name,  # type: ignore[call-overload]
        region_name="us-east-1",
        aws_access_key_id="test",
        aws_secret_access_key="test",
        endpoint_url="http://account.invalid",
    )
    answer_with(client, api)
    return client


def answer_with(client: Any, api: Api) -> None:
    """Lets `api` answer every request of a boto3 client, in moto's place."""
    client.meta.events.unregister("before-send", botocore_stubber)

    def send(request: AWSPreparedRequest, **_: object) -> AWSResponse:
        body = request.body
        content = body if isinstance(body, bytes | str) else b""
        headers = {
            key: str(value, "ascii") if isinstance(value, bytes) else str(value) for key, value in _items(request)
        }
        status, answered, text = api.call(headers, content, {})
        return AWSResponse(request.url, status, HTTPHeaders.from_dict(answered), _Body(text))

    client.meta.events.register(f"before-send.{client.meta.service_model.service_id.hyphenize()}", send)
