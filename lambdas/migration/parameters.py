"""SSM parameters: the settings of each source, and the writer an application should talk to."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from migration.errors import MigrationBlocked
from migration.model import SourceSettings, from_json

if TYPE_CHECKING:
    from types_boto3_ssm import SSMClient


class Parameters:
    """Adapter around one SSM client."""

    def __init__(self, client: SSMClient) -> None:
        self._client = client

    def source_settings(self, prefix: str, source: str) -> SourceSettings:
        """What the app was deployed with for `source`. Raises MigrationBlocked when it does not know that name."""
        text = self._find(prefix + source)
        if text is None:
            raise MigrationBlocked(
                f"The source {source} is unknown: correct the name, or add it to sources in cdk.json and deploy."
            )
        try:
            return from_json(SourceSettings, json.loads(text))
        except (ValueError, KeyError) as error:
            raise MigrationBlocked(
                f"The parameter {prefix}{source} is broken ({error}): deploy the app again."
            ) from error

    def publish_writer(self, prefix: str, source: str, host: str, port: int, after: int | None = None) -> int:
        """Publishes `<prefix><source>/writer` = {host, port, generation}; the generation rises with every change.

        Returns the generation; publishing the same endpoint again changes nothing. `after` is the generation of another
        endpoint that the caller has just read: it saves reading it again.
        """
        name = f"{prefix}{source}/writer"
        if after is not None:
            return self._put_writer(name, host, port, after + 1)
        old = json.loads(self._find(name) or "{}")
        if (old.get("host"), old.get("port")) == (host, port):
            return int(old["generation"])
        return self._put_writer(name, host, port, int(old.get("generation", 0)) + 1)

    def _put_writer(self, name: str, host: str, port: int, generation: int) -> int:
        value = json.dumps({"host": host, "port": port, "generation": generation})
        self._client.put_parameter(Name=name, Value=value, Type="String", Overwrite=True)
        return generation

    def _find(self, name: str) -> str | None:
        try:
            return self._client.get_parameter(Name=name)["Parameter"]["Value"]
        except self._client.exceptions.ParameterNotFound:
            return None
