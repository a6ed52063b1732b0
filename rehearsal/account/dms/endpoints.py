"""Endpoints: the two databases of a task."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rehearsal.account.dms import access, names
from rehearsal.account.dms.faults import (
    access_denied,
    already_exists,
    invalid_combination,
    invalid_value,
    not_found,
    require_identifier,
    wrong_state,
)
from rehearsal.account.dms.listing import page, select
from rehearsal.account.dms.ports import Platform

DELETING_SECONDS = 20.0
ENGINES = {"postgres": "PostgreSQL", "aurora-postgresql": "Amazon Aurora PostgreSQL"}
CLEAR_TEXT = ("Username", "Password", "ServerName", "Port")
_DESCRIBED = (
    "EndpointType",
    "EngineName",
    "Username",
    "ServerName",
    "Port",
    "DatabaseName",
    "ExtraConnectionAttributes",
    "KmsKeyId",
    "CertificateArn",
    "SslMode",
    "PostgreSQLSettings",
)


class Endpoints:
    """Endpoints by ARN. The clear-text password, if any, is kept under a key that no AWS shape has."""

    def __init__(self, platform: Platform, tags: names.Tags) -> None:
        self._platform, self._tags = platform, tags
        self.by_arn: dict[str, dict[str, Any]] = {}

    def create(self, request: dict[str, Any]) -> dict[str, Any]:
        identifier = request["EndpointIdentifier"].lower()
        require_identifier("EndpointIdentifier", identifier, 255)
        self._refuse_duplicate(identifier)
        self._check(request)
        arn = names.arn(self._platform, "endpoint", names.new_resource_id(request))
        self._tags.register(arn, request)
        endpoint = {"EndpointArn": arn, "EndpointIdentifier": identifier, "Status": "active", "SslMode": "none"}
        self.by_arn[arn] = _merged(endpoint, request)
        return {"Endpoint": described(self.by_arn[arn])}

    def modify(self, request: dict[str, Any]) -> dict[str, Any]:
        endpoint = self.get(request["EndpointArn"])
        identifier = request.get("EndpointIdentifier", endpoint["EndpointIdentifier"]).lower()
        if identifier != endpoint["EndpointIdentifier"]:
            require_identifier("EndpointIdentifier", identifier, 255)
            self._refuse_duplicate(identifier)
        changed = _merged({**endpoint, "EndpointIdentifier": identifier}, request)
        self._check(changed)
        endpoint.update(changed)
        return {"Endpoint": described(endpoint)}

    def describe(self, request: dict[str, Any]) -> dict[str, Any]:
        by: dict[str, Callable[[dict[str, Any]], list[str]]] = {
            "endpoint-arn": lambda item: [item["EndpointArn"]],
            "endpoint-id": lambda item: [item["EndpointIdentifier"]],
            "endpoint-type": lambda item: [item["EndpointType"], item["EndpointType"].upper()],
            "engine-name": lambda item: [item["EngineName"]],
        }
        chosen, marker = page(select(list(self.by_arn.values()), request, "Endpoints", by), request)
        return {"Endpoints": [described(endpoint) for endpoint in chosen], **marker}

    def get(self, arn: str) -> dict[str, Any]:
        if arn not in self.by_arn:
            raise not_found(f"Endpoint {arn} not found.")
        return self.by_arn[arn]

    def delete(self, request: dict[str, Any], in_use: Callable[[str], bool]) -> dict[str, Any]:
        endpoint = self.get(request["EndpointArn"])
        arn = endpoint["EndpointArn"]
        if endpoint["Status"] == "deleting":
            raise wrong_state(f"Endpoint {arn} is being deleted")
        if in_use(arn):
            raise wrong_state(f"Endpoint {arn} is part of one or more ReplicationTasks.")
        endpoint["Status"] = "deleting"
        self._platform.run_later(DELETING_SECONDS, lambda: self._deleted(arn))
        return {"Endpoint": described(endpoint)}

    def _deleted(self, arn: str) -> None:
        self.by_arn.pop(arn, None)
        self._tags.forget(arn)

    def _refuse_duplicate(self, identifier: str) -> None:
        if any(endpoint["EndpointIdentifier"] == identifier for endpoint in self.by_arn.values()):
            raise already_exists(f"Endpoint already exists: {identifier}")

    def _check(self, request: dict[str, Any]) -> None:
        engine = request["EngineName"]
        if engine not in ENGINES:
            raise invalid_value(f"Endpoint engine {engine!r} is not valid here: use {' or '.join(sorted(ENGINES))}")
        if not request.get("DatabaseName") and not request.get("PostgreSQLSettings", {}).get("DatabaseName"):
            raise invalid_combination(f"DatabaseName must be provided for an endpoint of engine {engine}")
        if request.get("SslMode") in ("verify-ca", "verify-full") and not request.get("CertificateArn"):
            raise invalid_combination("CertificateArn must be provided when SslMode is verify-ca or verify-full")
        self._check_credentials(request)

    def _check_credentials(self, request: dict[str, Any]) -> None:
        settings = request.get("PostgreSQLSettings", {})
        role, secret = settings.get("SecretsManagerAccessRoleArn"), settings.get("SecretsManagerSecretId")
        given = {**request, "Password": request.get("Password") or request.get("secret password")}
        clear = [key for key in CLEAR_TEXT if given.get(key) or settings.get(key)]
        if bool(role) != bool(secret):
            raise invalid_combination("SecretsManagerAccessRoleArn and SecretsManagerSecretId must be given together")
        if secret and clear:
            raise invalid_combination(f"Cannot specify {', '.join(clear)} together with SecretsManagerSecretId")
        if not secret and len(clear) < len(CLEAR_TEXT):
            raise invalid_combination(
                "Give either Username, Password, ServerName and Port, or a Secrets Manager secret"
            )
        if secret and not access.may_read_secret(self._platform, role, secret):
            raise access_denied(
                f"The role {role} is not authorized to perform secretsmanager:GetSecretValue on {secret}"
            )


def described(endpoint: dict[str, Any]) -> dict[str, Any]:
    """The endpoint as AWS shows it: without its password."""
    return {key: value for key, value in endpoint.items() if key != "secret password"}


def _merged(endpoint: dict[str, Any], request: dict[str, Any]) -> dict[str, Any]:
    merged = {**endpoint, **{key: request[key] for key in _DESCRIBED if key in request}}
    settings = {**endpoint.get("PostgreSQLSettings", {}), **request.get("PostgreSQLSettings", {})}
    password = settings.pop("Password", None) or request.get("Password") or endpoint.get("secret password", "")
    merged.update(PostgreSQLSettings=settings)
    merged["secret password"] = password
    merged["DatabaseName"] = merged.get("DatabaseName") or settings.get("DatabaseName", "")
    merged["EngineDisplayName"] = ENGINES.get(merged["EngineName"], "")
    return merged
