"""The published writer is read seldom, believed only forwards, and never a reason to fail."""

import json
import threading
import time

import boto3
import pytest
from moto import mock_aws

from crossfade_client import Endpoint, SsmPublishedWriter


def value(host: str, generation: int) -> str:
    return json.dumps({"host": host, "port": 5432, "generation": generation})


class Parameter:
    """A parameter with a history: each read takes the next value, the last one stays."""

    def __init__(self, *values: str | None) -> None:
        self.values, self.reads, self.now = list(values), 0, 100.0

    def read(self) -> str | None:
        self.reads += 1
        return self.values.pop(0) if len(self.values) > 1 else self.values[0]

    def published(self) -> SsmPublishedWriter:
        return SsmPublishedWriter("/crossfade/orders-db/writer", read_value=self.read, clock=lambda: self.now)


def test_nothing_published_is_none() -> None:
    assert Parameter(None).published()() is None


def test_questions_in_quick_succession_are_one_read() -> None:
    parameter = Parameter(value("a", 1))
    published = parameter.published()
    assert {published() for _ in range(5)} == {Endpoint("a", 5432)}
    assert parameter.reads == 1


def test_the_interval_grows_while_a_fence_lasts_and_starts_anew_after_it() -> None:
    parameter = Parameter(value("a", 1))
    published = parameter.published()
    for _ in range(1000):  # ten seconds of a question every 10 ms
        parameter.now += 0.01
        published()
    assert 15 < parameter.reads < 40
    parameter.now += 60
    reads = parameter.reads
    for _ in range(11):
        published()
        parameter.now += 0.01
    assert parameter.reads == reads + 3


def test_a_late_read_of_an_older_value_does_not_send_us_back() -> None:
    parameter = Parameter(value("new", 3), value("old", 2))
    published = parameter.published()
    assert published() == Endpoint("new", 5432)
    parameter.now += 1
    assert published() == Endpoint("new", 5432)


@pytest.mark.parametrize("broken", ["", "{}", "[]", '{"host": "a", "port": "x", "generation": 1}'])
def test_a_value_that_is_no_writer_is_ignored(broken: str) -> None:
    parameter = Parameter(value("a", 1), broken)
    published = parameter.published()
    published()
    parameter.now += 1
    assert published() == Endpoint("a", 5432)


def test_threads_share_one_read() -> None:
    reads: list[int] = []

    def slow_read() -> str:
        reads.append(1)
        time.sleep(0.05)
        return value("a", 1)

    published = SsmPublishedWriter("p", read_value=slow_read, min_interval_seconds=1.0)
    threads = [threading.Thread(target=published) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(reads) == 1


def test_the_parameter_is_read_from_ssm(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    name = "/crossfade/orders-db/writer"
    with mock_aws():
        published = SsmPublishedWriter(name, min_interval_seconds=0.0, max_interval_seconds=0.0)
        assert published() is None
        boto3.client("ssm").put_parameter(Name=name, Type="String", Value=value("a", 1))
        assert published() == Endpoint("a", 5432)
