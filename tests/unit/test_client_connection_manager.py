"""The connection manager against a scripted database: which errors send it elsewhere, and no write is made twice."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from crossfade_client import (
    Answer,
    Connection,
    ConnectionManager,
    Endpoint,
    Resolver,
    WriterUnavailable,
    is_fence_error,
)

OLD, NEW = "old.rds.amazonaws.com", "new.rds.amazonaws.com"


class DatabaseError(Exception):
    """As pg8000 raises it: the server's fields in a dict."""


class InterfaceError(Exception):
    """As PEP 249 names a broken connection."""


def refused(state: str) -> DatabaseError:
    return DatabaseError({"C": state, "M": "some text"})


@dataclass
class Server:
    """Committed keys and values; `fault()` is raised by the next statement or commit that asks for it."""

    on_statement: list[Exception] = field(default_factory=list)
    after_commit: list[Exception] = field(default_factory=list)
    keys: dict[str, str | None] = field(default_factory=dict)
    rows: list[str] = field(default_factory=list)
    opened: int = 0


@dataclass
class FakeConnection:
    """Understands the manager's own statements; anything else adds a row."""

    server: Server
    closed: bool = False
    rowcount: int = 0
    _new_keys: dict[str, str | None] = field(default_factory=dict)
    _new_rows: list[str] = field(default_factory=list)
    _answer: tuple[Any, ...] = ()

    def cursor(self) -> "FakeConnection":
        return self

    def execute(self, operation: str, args: Sequence[Any] = ()) -> None:
        if self.closed:
            raise InterfaceError("connection is closed")
        if self.server.on_statement:
            raise self.server.on_statement.pop(0)
        if operation.startswith("insert into crossfade_idempotency"):
            self.rowcount = 0 if args[0] in self.server.keys else 1
            self._new_keys[args[0]] = None
        elif operation.startswith("update crossfade_idempotency"):
            self._new_keys[args[1]] = args[0]
        elif operation.startswith("select result"):
            self._answer = (self.server.keys[args[0]],)
        elif operation != "select 1":
            self._new_rows.append(operation)

    def fetchone(self) -> tuple[Any, ...]:
        return self._answer

    def commit(self) -> None:
        self.server.keys |= {key: value for key, value in self._new_keys.items() if key not in self.server.keys}
        self.server.rows += self._new_rows
        self._new_keys, self._new_rows = {}, []
        if self.server.after_commit:
            raise self.server.after_commit.pop(0)

    def rollback(self) -> None:
        self._new_keys, self._new_rows = {}, []

    def close(self) -> None:
        self.closed = True


class Names(Resolver):
    """A resolver whose records are a dict. With `long_ttl` only a fresh question sees a changed record."""

    def __init__(self, hosts: dict[str, str]) -> None:
        super().__init__([("127.0.0.1", 1)])
        self.hosts, self.long_ttl = hosts, False
        self._kept: dict[str, str] = {}

    def resolve(self, name: str, *, fresh: bool = False) -> Answer:
        if fresh or not self.long_ttl or name not in self._kept:
            self._kept[name] = self.hosts.get(name, name)
        host = self._kept[name]
        return Answer(f"address of {host}", host, 5.0)


@dataclass
class Shop:
    """A manager with its two servers."""

    old: Server = field(default_factory=Server)
    new: Server = field(default_factory=Server)
    names: Names = field(default_factory=lambda: Names({"writer": OLD, "reader": OLD}))
    published: list[Endpoint] = field(default_factory=list)
    asked: int = 0

    def connect(self, address: str, port: int, server_name: str) -> Connection:
        assert (address, port) == (f"address of {server_name}", 5432)
        server = self.old if server_name == OLD else self.new
        server.opened += 1
        return FakeConnection(server)

    def ask(self) -> Endpoint | None:
        self.asked += 1
        return self.published[-1] if self.published else None

    def manager(self, **options: Any) -> ConnectionManager:
        return ConnectionManager(
            Endpoint("writer", 5432), Endpoint("reader", 5432), self.connect, self.names, self.ask, **options
        )


def insert(value: str) -> Callable[[Connection], str]:
    def work(connection: Connection) -> str:
        connection.cursor().execute(value)
        return f"did {value}"

    return work


@pytest.mark.parametrize("state", ["25006", "28000", "57P01", "57P02", "57P03", "08006", "08001"])
def test_fence_errors_are_told_by_sqlstate(state: str) -> None:
    assert is_fence_error(refused(state))


@pytest.mark.parametrize("error", [refused("23505"), refused("42501"), ValueError("25006"), DatabaseError("57P01")])
def test_other_errors_are_the_callers(error: Exception) -> None:
    assert not is_fence_error(error)


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), InterfaceError("network"), EOFError()])
def test_a_broken_connection_is_a_fence_error(error: Exception) -> None:
    assert is_fence_error(error)


def test_a_transaction_commits_once_and_reuses_its_connection() -> None:
    shop = Shop()
    manager = shop.manager()
    assert [manager.transaction(insert(value), value) for value in ("a", "b")] == ["did a", "did b"]
    assert (shop.old.rows, shop.old.opened, shop.asked) == (["a", "b"], 1, 0)


def test_the_same_key_is_done_once_and_answers_the_same() -> None:
    shop = Shop()
    manager = shop.manager()
    answers = [manager.transaction(insert("a"), "request-1") for _ in range(2)]
    assert answers == ["did a", "did a"]
    assert shop.old.rows == ["a"]


def test_a_connection_killed_after_the_commit_does_not_repeat_the_write() -> None:
    shop = Shop()
    shop.old.after_commit = [ConnectionResetError()]
    assert shop.manager().transaction(insert("a"), "request-1") == "did a"
    assert shop.old.rows == ["a"]


def test_after_a_fence_the_published_writer_is_used_although_dns_lags() -> None:
    shop = Shop(published=[Endpoint(NEW, 5432)])
    manager = shop.manager()
    manager.transaction(insert("before"), "1")
    shop.old.on_statement = [refused("57P01")]
    manager.transaction(insert("after"), "2")
    manager.transaction(insert("later"), "3")
    assert (shop.old.rows, shop.new.rows) == (["before"], ["after", "later"])
    assert shop.asked == 1


def test_without_a_published_writer_dns_is_asked_afresh() -> None:
    shop = Shop()
    shop.names.long_ttl = True
    manager = shop.manager()
    manager.transaction(insert("before"), "1")
    shop.old.on_statement = [refused("25006")]
    shop.names.hosts["writer"] = NEW
    manager.transaction(insert("after"), "2")
    assert (shop.old.rows, shop.new.rows) == (["before"], ["after"])


def test_a_published_writer_that_fails_itself_gives_way_to_dns() -> None:
    shop = Shop(published=[Endpoint(NEW, 5432)])
    shop.names.hosts["writer"] = NEW
    shop.new.on_statement = [refused("57P03")]
    shop.manager().transaction(insert("a"), "1")
    assert shop.new.rows == ["a"]


def test_an_unfenced_source_is_used_again() -> None:
    shop = Shop()
    shop.old.on_statement = [refused("28000"), refused("28000")]
    retries: list[int] = []
    shop.manager(on_retry=lambda error, attempt: retries.append(attempt)).transaction(insert("a"), "1")
    assert (shop.old.rows, retries) == (["a"], [1, 2])


def test_a_flipped_name_is_followed_without_any_error() -> None:
    shop = Shop()
    manager = shop.manager()
    manager.transaction(insert("a"), "1")
    shop.names.hosts["writer"] = NEW
    manager.transaction(insert("b"), "2")
    assert (shop.old.rows, shop.new.rows) == (["a"], ["b"])


def test_the_writer_is_followed_there_and_back() -> None:
    shop = Shop(published=[Endpoint(OLD, 5432)])
    manager = shop.manager()
    manager.transaction(insert("before"), "1")
    shop.old.on_statement = [refused("57P01"), refused("28000")]
    shop.published.append(Endpoint(NEW, 5432))
    manager.transaction(insert("on the target"), "2")
    shop.names.hosts["writer"] = NEW
    manager.transaction(insert("dns too"), "3")
    shop.new.on_statement = [refused("57P01"), refused("28000")]
    shop.published.append(Endpoint(OLD, 5432))
    shop.old.on_statement = []
    manager.transaction(insert("back"), "4")
    shop.names.hosts["writer"] = OLD
    manager.transaction(insert("after"), "5")
    assert (shop.old.rows, shop.new.rows) == (["before", "back", "after"], ["on the target", "dns too"])


def test_a_deadlock_is_run_again_on_the_same_connection() -> None:
    shop = Shop()
    shop.old.on_statement = [refused("40P01")]
    shop.manager().transaction(insert("a"), "1")
    assert (shop.old.rows, shop.old.opened) == (["a"], 1)


def test_an_error_of_the_work_is_rolled_back_and_raised() -> None:
    shop = Shop()
    manager = shop.manager()

    def work(connection: Connection) -> None:
        connection.cursor().execute("a")
        raise ValueError("no such product")

    with pytest.raises(ValueError, match="no such product"):
        manager.transaction(work, "1")
    manager.transaction(insert("b"), "2")
    assert (shop.old.rows, shop.old.opened, list(shop.old.keys)) == (["b"], 1, ["2"])


def test_the_deadline_ends_in_one_clear_error_with_its_cause() -> None:
    shop = Shop()
    shop.old.on_statement = [refused("28000")] * 100
    with pytest.raises(WriterUnavailable, match=r"writer took nothing for 0\.1 s") as raised:
        shop.manager().transaction(insert("a"), "1", deadline_seconds=0.1)
    assert isinstance(raised.value.__cause__, DatabaseError)


def test_readers_leave_a_server_when_their_connection_is_old() -> None:
    shop = Shop()
    manager = shop.manager(max_connection_age_seconds=0.0)
    manager.read(insert("a"))
    shop.names.hosts["reader"] = NEW
    manager.read(insert("b"))
    assert (shop.old.opened, shop.new.opened) == (1, 1)


def test_a_young_reader_connection_stays_although_the_name_moved() -> None:
    shop = Shop()
    manager = shop.manager(max_connection_age_seconds=60.0)
    manager.read(insert("a"))
    shop.names.hosts["reader"] = NEW
    manager.read(insert("b"))
    assert (shop.old.opened, shop.new.opened) == (1, 0)


def test_a_result_is_stored_as_json() -> None:
    shop = Shop()
    shop.manager().transaction(lambda connection: {"id": 7}, "1")
    assert json.loads(shop.old.keys["1"] or "") == {"id": 7}
