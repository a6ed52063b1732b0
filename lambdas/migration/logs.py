"""The one logger: JSON lines with the service's name; `begin` adds migrationId and state. Never give it a secret."""

from __future__ import annotations

from aws_lambda_powertools.logging import Logger

logger = Logger(service="crossfade")
