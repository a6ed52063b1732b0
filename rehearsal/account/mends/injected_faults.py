"""API calls fail as the rules of `faults.py` ask: with an error, after their effect, without an answer, or late.

Every service's handler is behind one table of ministack's, the emulated RDS and DMS too; IAM has decided by then, so a
fault hides no missing permission. Calls that services make in process for a role are not struck.
"""

import asyncio
import contextvars
import functools
from collections.abc import Callable
from typing import Any

from ministack import app
from ministack.core import iam_actions

from rehearsal.account import faults, platform
from rehearsal.account.mends import authorization

_REGION_SUFFIX = f"-{platform.REGION}"
_hang_up: contextvars.ContextVar[Callable[[], None]] = contextvars.ContextVar("crossfade_hang_up")


class _Handlers(dict[str, Any]):
    """The handlers of the services, each behind the faults."""

    def get(self, service: str, default: Any = None) -> Any:
        handler = super().get(service, default)
        return handler and functools.partial(_handle, service, handler)


def apply() -> None:
    """Put the faults before every service."""
    app.SERVICE_HANDLERS = _Handlers(app.SERVICE_HANDLERS)
    serve = app.app

    async def with_connection(scope: Any, receive: Any, send: Any) -> None:
        # send is of hypercorn's stream, which is of its protocol, which is of the connection.
        _hang_up.set(lambda: send.__self__.send.__self__.send.__self__.writer.transport.abort())
        await serve(scope, receive, send)

    app.app = with_connection


async def _handle(
    service: str, handler: Any, method: str, path: str, headers: Any, body: Any, query: Any, *more: Any
) -> Any:
    request = authorization.claim_call()
    rule = _rule_for(request) if request else None
    if request is None or rule is None:
        return await handler(method, path, headers, body, query, *more)
    effect = rule["effect"]
    if effect == "delay":
        await asyncio.sleep(rule["seconds"])
    answer = effect != "error" and await handler(method, path, headers, body, query, *more)
    if effect == "drop-after":
        _hang_up.get()()
    return _error(service, headers, request.id, rule) if effect.startswith("error") else answer


def _rule_for(request: authorization.Request) -> faults.Rule | None:
    caller = request.principal.removesuffix(_REGION_SUFFIX)
    return faults.of_call(request.decisions[0][0], caller, lambda: request.text)


def _error(service: str, headers: Any, request_id: str, rule: faults.Rule) -> Any:
    """The answer with the rule's error in the encoding of the service's protocol."""
    code, message = rule["code"], rule.get("message", "on purpose")
    _, answered, body = iam_actions.access_denied_response(
        service, rule["action"], "", request_id, error_code=code, message=message, headers=headers
    )
    return int(rule.get("status", 400)), answered, body
