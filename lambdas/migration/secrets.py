"""Secrets Manager: read credentials, keep those made for DMS under `crossfade/<migrationId>/…`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from migration.access import Address, Credentials
from migration.errors import StateDrifted

if TYPE_CHECKING:
    from types_boto3_secretsmanager import SecretsManagerClient
    from types_boto3_secretsmanager.type_defs import TagTypeDef

PASSWORD_LENGTH = 40


class Secrets:
    """Adapter around one Secrets Manager client. Values stay inside `Credentials`."""

    def __init__(self, client: SecretsManagerClient) -> None:
        self._client = client

    def credentials(self, secret_id: str) -> Credentials:
        """Username and password in the secret of this ARN or name.

        Raises StateDrifted when the secret is missing or has another form.
        """
        credentials = self.find(secret_id)
        if credentials is None:
            raise StateDrifted(f"The secret {secret_id} does not exist: restore it or correct its ARN.")
        return credentials

    def find(self, secret_id: str) -> Credentials | None:
        """Like `credentials`, None when there is no such secret or it is being deleted."""
        try:
            text = self._client.get_secret_value(SecretId=secret_id)["SecretString"]
        except (self._client.exceptions.ResourceNotFoundException, self._client.exceptions.InvalidRequestException):
            return None
        try:
            value = json.loads(text)
            return Credentials(value["username"], value["password"])
        except (ValueError, KeyError, TypeError):
            # `from None`: the parser's error quotes the text it could not read.
            raise StateDrifted(
                f'The secret {secret_id} must be JSON {{"username": …, "password": …}}: correct it.'
            ) from None

    def new_password(self) -> str:
        """Made by Secrets Manager; letters and digits only, so it fits every connection string."""
        answer = self._client.get_random_password(PasswordLength=PASSWORD_LENGTH, ExcludePunctuation=True)
        return answer["RandomPassword"]

    def put(self, name: str, credentials: Credentials, address: Address, tags: dict[str, str]) -> str:
        """Keeps what a DMS endpoint needs to log in; returns the secret's ARN.

        What is kept already is not put again: a secret holds about 100 versions (Secrets Manager quotas), and the tasks
        that need it come back while they wait.
        """
        text = json.dumps(
            {
                "username": credentials.username,
                "password": credentials.password,
                "host": address.host,
                "port": address.port,
            }
        )
        tag_list: list[TagTypeDef] = [{"Key": key, "Value": value} for key, value in tags.items()]
        try:
            return self._client.create_secret(Name=name, SecretString=text, Tags=tag_list)["ARN"]
        except self._client.exceptions.ResourceExistsException:
            found = self._client.get_secret_value(SecretId=name)
            if found["SecretString"] == text:
                return found["ARN"]
            return self._client.put_secret_value(SecretId=name, SecretString=text)["ARN"]

    def delete(self, name: str) -> None:
        """Deletes at once: a secret of ours opens nothing once its role is dropped, and its name must be free again."""
        try:
            self._client.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
        except self._client.exceptions.ResourceNotFoundException:
            return
