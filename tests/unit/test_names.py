"""The name server answers as Route 53 does, and the client's resolver reads it as a database alias needs."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from crossfade_client import NameNotResolved, Resolver
from rehearsal.account import names

HOSTS = {"old.rds.amazonaws.com": "127.0.0.11", "new.rds.amazonaws.com": "127.0.0.12"}


def cname(name: str, value: str, weight: int | None = None, ttl: int = 60) -> dict[str, Any]:
    record = {"Name": f"{name}.", "Type": "CNAME", "TTL": ttl, "Values": [value]}
    return record if weight is None else {**record, "Weight": weight, "SetIdentifier": value}


@pytest.fixture
def records() -> list[dict[str, Any]]:
    return [cname("writer.shop.internal", "old.rds.amazonaws.com")]


@pytest.fixture
def server(records: list[dict[str, Any]]) -> Iterator[names.NameServer]:
    server = names.start("127.0.0.1", 0, lambda: records, HOSTS.get)
    yield server
    server.close()


@pytest.fixture
def resolver(server: names.NameServer) -> Resolver:
    return Resolver([(server.address, server.port)])


def test_alias_is_followed_to_the_real_host_with_the_smallest_ttl(resolver: Resolver) -> None:
    found = resolver.resolve("writer.shop.internal")
    assert (found.address, found.host, found.ttl_seconds) == ("127.0.0.11", "old.rds.amazonaws.com", 5.0)


def test_answer_is_kept_until_asked_for_a_fresh_one(resolver: Resolver, records: list[dict[str, Any]]) -> None:
    assert resolver.resolve("writer.shop.internal").address == "127.0.0.11"
    records[:] = [cname("writer.shop.internal", "new.rds.amazonaws.com")]
    assert resolver.resolve("writer.shop.internal").address == "127.0.0.11"
    assert resolver.resolve("writer.shop.internal", fresh=True).address == "127.0.0.12"


def test_answer_expires_with_the_ttl_of_the_record(server: names.NameServer, records: list[dict[str, Any]]) -> None:
    now = [0.0]
    records[:] = [cname("writer.shop.internal", "old.rds.amazonaws.com", ttl=2)]
    resolver = Resolver([(server.address, server.port)], clock=lambda: now[0])
    resolver.resolve("writer.shop.internal")
    records[:] = [cname("writer.shop.internal", "new.rds.amazonaws.com", ttl=2)]
    now[0] = 1.9
    assert resolver.resolve("writer.shop.internal").address == "127.0.0.11"
    now[0] = 2.1
    assert resolver.resolve("writer.shop.internal").address == "127.0.0.12"


@pytest.mark.parametrize(("weights", "share"), [((0, 100), 1.0), ((90, 10), 0.1), ((0, 0), 0.5)])
def test_weights_are_drawn_for_every_query(
    resolver: Resolver, records: list[dict[str, Any]], weights: tuple[int, int], share: float
) -> None:
    targets = ("old.rds.amazonaws.com", "new.rds.amazonaws.com")
    records[:] = [cname("reader.shop.internal", name, weight) for name, weight in zip(targets, weights, strict=True)]
    hits = Counter(resolver.resolve("reader.shop.internal", fresh=True).address for _ in range(400))
    assert hits["127.0.0.12"] / 400 == pytest.approx(share, abs=0.1 if 0 < share < 1 else 0)


def test_unknown_name_says_so(resolver: Resolver) -> None:
    with pytest.raises(NameNotResolved, match=r"nowhere\.shop\.internal"):
        resolver.resolve("nowhere.shop.internal")


def test_remembered_answer_outlives_its_name_server(server: names.NameServer, resolver: Resolver) -> None:
    resolver.resolve("writer.shop.internal")
    server.close()
    assert resolver.resolve("writer.shop.internal", fresh=True).address == "127.0.0.11"


def test_address_needs_no_name_server() -> None:
    assert Resolver([("127.0.0.1", 1)]).resolve("127.0.0.11").address == "127.0.0.11"
