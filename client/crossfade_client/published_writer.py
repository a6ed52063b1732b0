"""Where the writer is, as published by a migration: faster to learn than DNS, asked only after a fence error.

The cut-over writes the new writer to an SSM parameter before it flips the DNS record, so a client that was just
fenced off needs to wait neither for Route 53 nor for a TTL.
"""

import json
import logging
import threading
import time
from collections.abc import Callable
from typing import Any

from crossfade_client.resolver import Endpoint

LOG = logging.getLogger("crossfade_client")
GROWTH = 1.25
"""How much longer each wait is than the one before: the writer is learnt at most a quarter of the stall too late."""


class SsmPublishedWriter:
    """Reads the writer from an SSM parameter whose value is `{"host": "...", "port": 5432, "generation": 3}`.

    One instance serves all threads of a process. Calls are rate limited: while one thread asks, the others wait for its
    answer; asking again within `min_interval_seconds` gives the last answer, and the interval grows to
    `max_interval_seconds` while a fence lasts (SSM allows 40 GetParameter a second in an account by default).
    The application's role needs `ssm:GetParameter` on the parameter.
    """

    def __init__(
        self,
        parameter_name: str,
        *,
        read_value: Callable[[], str | None] | None = None,
        min_interval_seconds: float = 0.03,
        max_interval_seconds: float = 1.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._read_value = read_value or _ssm_reader(parameter_name)
        self._min_interval_seconds = min_interval_seconds
        self._max_interval_seconds = max_interval_seconds
        self._clock = clock
        self._lock = threading.Lock()
        self._interval_seconds = min_interval_seconds
        self._asked_at = float("-inf")
        self._generation = -1
        self._writer: Endpoint | None = None

    def __call__(self) -> Endpoint | None:
        """The published writer, or None when nothing readable has been published."""
        with self._lock:
            since = self._clock() - self._asked_at
            if since < self._interval_seconds:
                return self._writer
            quiet = since > 10 * self._max_interval_seconds
            grown = min(self._interval_seconds * GROWTH, self._max_interval_seconds)
            self._interval_seconds = self._min_interval_seconds if quiet else grown
            self._learn(self._read_value())
            self._asked_at = self._clock()
            return self._writer

    def _learn(self, value: str | None) -> None:
        if value is None:
            return
        try:
            published = json.loads(value)
            writer, generation = Endpoint(str(published["host"]), int(published["port"])), int(published["generation"])
        except (ValueError, KeyError, TypeError):
            LOG.warning("the published writer is not {host, port, generation} in JSON: %.200s", value)
            return
        if generation >= self._generation:  # a late read of an older value must not send us back
            self._writer, self._generation = writer, generation


def _ssm_reader(parameter_name: str) -> Callable[[], str | None]:
    """Makes the SSM client now, because making it costs 200 ms that a fenced writer does not have."""
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError, ClientError

    limits = Config(connect_timeout=1, read_timeout=1, retries={"total_max_attempts": 1})
    client: Any = boto3.client("ssm", config=limits)

    def read() -> str | None:
        try:
            return str(client.get_parameter(Name=parameter_name)["Parameter"]["Value"])
        except (BotoCoreError, ClientError) as error:
            LOG.warning("the published writer %s cannot be read: %s", parameter_name, error)
            return None

    return read
