"""Who called what: IAM as strict as AWS's where ministack is not, and the record of every call and its decision.

`cdk deploy` works under it: the bootstrap bucket refuses plain http, and on one machine nobody else can listen, so
every request counts as made over TLS.
"""

import contextvars
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote_plus

from ministack import app
from ministack.core import iam_actions, iam_evaluator, router
from ministack.core.responses import get_account_id, get_region
from ministack.services import sts

from rehearsal.account import call_record, resources
from rehearsal.account.mends import states_token

_ERROR_CODE = re.compile(rb'<Code>([^<]+)</Code>|"__type"\s*:\s*"(?:[^"]*#)?([^"]+)"')


@dataclass
class Request:
    """One request while it is served: what else IAM checks, and what it has decided."""

    id: str = ""
    path: str = ""
    query: Any = None
    body: bytes = b""
    principal: str = ""
    claimed: bool = False
    more_resources: list[str] = field(default_factory=list)
    decisions: list[tuple[str, str, bool]] = field(default_factory=list)  # action, resource, allowed

    @property
    def text(self) -> str:
        """Path, query and body, readable whichever way the protocol encodes them."""
        asked = f"{self.path}?{self.query}\n" + self.body.decode(errors="replace")
        return f"{asked}\n{unquote_plus(asked)}"


_request: contextvars.ContextVar[Request | None] = contextvars.ContextVar("crossfade_request", default=None)


def apply() -> None:
    """Check every resource of a call, check passed roles, record each decision."""
    pin_origin = iam_evaluator.pin_request_origin
    app.pin_request_origin = lambda source, _secure: pin_origin(source, secure_transport=True)
    app._dispatch_service_request = _recorded(app._dispatch_service_request)
    iam_actions.extract_resource_arn = _with_all_resources(iam_actions.extract_resource_arn)
    iam_evaluator.enforce = _on_all_resources(iam_evaluator.enforce)


def claim_call() -> Request | None:
    """The authorized call that a service's handler is about to execute; None when it has been claimed already.

    What a service does in process by calling another one's handler is no call of its own.
    """
    request = _request.get()
    if request is None or request.claimed or not request.decisions:
        return None
    request.claimed = True
    return request


def _recorded(dispatch: Callable[..., Any]) -> Callable[..., Any]:
    async def serve(method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str) -> Any:
        principal = _principal(router.extract_access_key_id(headers, query))
        request = Request(request_id, path, query, body, principal)
        token = _request.set(request)
        try:
            refusal = _refused_role(path, headers, query, body, request_id)
            answer = refusal or await dispatch(method, path, headers, body, query, request_id)
        finally:
            _request.reset(token)
        _record(request, answer)
        return answer

    return serve


def _with_all_resources(extract: Callable[..., Any]) -> Callable[..., Any]:
    """The first resource is returned, the others wait for the decision that follows."""

    def resource(service: str, method: str, path: str, headers: Any, body: bytes, params: Any, *scope: str) -> Any:
        arns = _resources(service, path, headers, body, params, ":".join(scope))
        request = _request.get()
        if request is not None:
            request.more_resources = arns[1:]
        return arns[0] if arns else extract(service, method, path, headers, body, params, *scope)

    return resource


def _on_all_resources(enforce: Callable[..., Any]) -> Callable[..., Any]:
    def decide(access_key: str, action: str, service: str, region: str, **context: Any) -> Any:
        request = _request.get() or Request()
        first = context.pop("resource_arn", "*")
        if action == "cloudwatch:PutMetricData":
            said = {"cloudwatch:namespace": resources.metric_namespace(request.body)}
            context["service_context"] = {**(context.get("service_context") or {}), **said}
        resources_left, request.more_resources = [first, *request.more_resources], []
        for arn in resources_left:
            denied = enforce(access_key, action, service, region, resource_arn=arn, **context)
            request.decisions.append((action, arn, denied is None))
            if denied:
                return denied
        return None

    return decide


def _resources(service: str, path: str, headers: Any, body: bytes, params: Any, scope: str) -> list[str]:
    if service == "rds":
        action = params.get("Action", "")
        return resources.of_rds(action[0] if isinstance(action, list) else action, params, scope)
    if service == "dms":
        return resources.of_dms(headers.get("x-amz-target", "").rpartition(".")[2], body, scope)
    if service == "scheduler":
        return resources.of_scheduler(path, params, body, scope)
    if service == "states":
        return states_token.resources(body)
    return resources.of_route53(path) if service == "route53" else []


def _refused_role(path: str, headers: Any, query: Any, body: bytes, request_id: str) -> Any:
    """The refusal of a call that hands a service a role which the caller may not pass, or None."""
    for arn, principal in resources.passed_roles(path, body):
        service = principal.partition(".")[0]
        denied = iam_evaluator.enforce(
            router.extract_access_key_id(headers, query) or "",
            "iam:PassRole",
            service,
            get_region(),
            resource_arn=arn,
            service_context={"iam:PassedToService": principal},
        )
        if isinstance(denied, iam_evaluator.EvalResult):
            return iam_actions.access_denied_response(
                service, "iam:PassRole", denied.principal_arn, request_id, headers=headers, resource_arn=arn
            )
    return None


def _principal(access_key: str | None) -> str:
    """The role whose session made the call, or the operator: the account's root user."""
    arn = str((sts._sessions.get(access_key or "") or {}).get("Arn", ""))
    if ":assumed-role/" in arn:
        return arn.split(":assumed-role/", 1)[1].split("/", 1)[0]
    if iam_evaluator.is_root_access_key(access_key or ""):
        return call_record.OPERATOR
    found = iam_evaluator.resolve_principal(access_key or "", get_account_id())
    return str(getattr(found, "arn", "unknown")).rsplit("/", 1)[-1]


def _record(request: Request, answer: Any) -> None:
    status, _, body = answer
    error = ""
    if status >= 400 and isinstance(body, bytes | str):
        found = _ERROR_CODE.search(body.encode() if isinstance(body, str) else body)
        error = next((group.decode() for group in (found.groups() if found else ()) if group), str(status))
    for action, resource, allowed in request.decisions:
        code = error if allowed else "AccessDenied"
        call_record.record(request.principal, action, allowed=allowed, resource=resource, status=status, error=code)
