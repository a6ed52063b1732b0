"""Opening a database the way a replication instance does: with what the endpoint's secret says, and nothing else."""

from __future__ import annotations

import functools
import ipaddress
import ssl
from dataclasses import dataclass
from typing import Any

from pg8000.exceptions import DatabaseError, Error
from pg8000.native import Connection, literal

from rehearsal.account.dms.ports import Platform
from rehearsal.servers.installation import log_in

SECRET_KEYS = ("username", "password", "host", "port")
CONNECT_TIMEOUT_SECONDS = 15.0


class Unreachable(Exception):
    """An endpoint's database did not let DMS in; the message is what DMS shows."""


@dataclass(frozen=True)
class Login:
    """How to reach one database. `address` is what the VPC's DNS said for `host` when it was asked."""

    host: str
    address: str
    port: int
    user: str
    password: str
    database: str
    ssl_mode: str

    def open(self, *, replication: bool = False, timeout_seconds: float | None = None) -> Connection:
        """A connection as the endpoint's user; with `replication`, a walsender. Raises Unreachable."""
        try:
            return log_in(
                self.user,
                self.address,
                self.port,
                timeout_seconds,
                database=self.database,
                password=self.password,
                ssl_context=False if self.ssl_mode == "none" else _unverified_context(),
                application_name="aws-dms",
                replication="database" if replication else None,
            )
        except (Error, OSError) as error:
            raise Unreachable(
                f'connection to server at "{self.host}", port {self.port} failed: {reason(error)}'
            ) from error

    def conninfo(self) -> str:
        """The libpq connection string of this login, for CREATE SUBSCRIPTION."""
        mode = "disable" if self.ssl_mode == "none" else "require"
        words = {
            "host": self.address,
            "port": str(self.port),
            "user": self.user,
            "password": self.password,
            "dbname": self.database,
            "sslmode": mode,
        }
        return " ".join(f"{key}={_quoted(value)}" for key, value in words.items())


def login(platform: Platform, endpoint: dict[str, Any]) -> Login:
    """Read the endpoint's secret with the endpoint's role and resolve its host. Raises Unreachable."""
    values = _credentials(platform, endpoint)
    address = platform.host_address(values["host"]) or _literal_address(values["host"])
    if address is None:
        raise Unreachable(f'could not translate host name "{values["host"]}" to address: Name or service not known')
    return Login(
        host=values["host"],
        address=address,
        port=int(values["port"]),
        user=values["username"],
        password=values["password"],
        database=endpoint.get("DatabaseName") or "",
        ssl_mode=endpoint.get("SslMode", "none"),
    )


def may_read_secret(platform: Platform, role_arn: str, secret_arn: str) -> bool:
    """DMS assumes the role as its *regional* principal (DMS User Guide, "Using secrets to access endpoints")."""
    principal = f"dms.{platform.REGION}.amazonaws.com"
    return platform.role_allows(role_arn, "secretsmanager:GetSecretValue", secret_arn, principal)


def reason(error: Exception) -> str:
    """The database's own message in an error of the driver."""
    if isinstance(error, DatabaseError) and error.args and isinstance(error.args[0], dict):
        return str(error.args[0].get("M", error))
    return str(error)


def sql_state(error: Exception) -> str:
    """The SQLSTATE in an error of the driver, or ''."""
    if isinstance(error, DatabaseError) and error.args and isinstance(error.args[0], dict):
        return str(error.args[0].get("C", ""))
    return ""


def subscription_literal(source: Login) -> str:
    return str(literal(source.conninfo()))


def _credentials(platform: Platform, endpoint: dict[str, Any]) -> dict[str, str]:
    settings = endpoint.get("PostgreSQLSettings", {})
    secret = settings.get("SecretsManagerSecretId")
    if not secret:
        known = {"username": "Username", "host": "ServerName", "port": "Port"}
        found = {name: endpoint.get(key) or settings.get(key) for name, key in known.items()}
        found["password"] = endpoint["secret password"]
        return _complete(found, "the endpoint's settings")
    if not may_read_secret(platform, settings.get("SecretsManagerAccessRoleArn", ""), secret):
        raise Unreachable(
            f"Unable to retrieve the secret {secret}: the access role must allow secretsmanager:GetSecretValue"
        )
    try:
        value = platform.secret_value(secret)
    except (KeyError, ValueError) as error:
        raise Unreachable(f"Unable to retrieve the secret {secret}: {error}") from error
    return _complete(value, f"secret {secret}")


def _complete(values: dict[str, Any], where: str) -> dict[str, str]:
    missing = [key for key in SECRET_KEYS if not values.get(key)]
    if missing:
        raise Unreachable(f"Required key {', '.join(missing)} is missing in {where}")
    return {key: str(values[key]) for key in SECRET_KEYS}


def _literal_address(host: str) -> str | None:
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return None


def _quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


@functools.cache
def _unverified_context() -> ssl.SSLContext:
    """Made once, and without the machine's certificates: loading them for each connection takes 24 ms."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
