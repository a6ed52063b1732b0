"""Sessions on a real server with TLS: what outranks the fence, and how refusals and losses are told."""

import ssl
from collections.abc import Iterator

import pytest

from migration import database
from migration.access import Address, Credentials
from migration.database import Database
from migration.errors import DatabaseRefused, Throttled
from tests.integration.rds_account import MASTER, PASSWORD
from tests.integration.task_account import APPLICATION_PASSWORD, TaskAccount

ADMIN, APPLICATION = Credentials(MASTER, PASSWORD), Credentials("orders_app", APPLICATION_PASSWORD)


@pytest.fixture(scope="module")
def source(account_of_module: TaskAccount) -> Address:
    account_of_module.deploy()
    endpoint = account_of_module.rds.instance("orders-db")["Endpoint"]
    return Address(endpoint["Address"], endpoint["Port"], "orders")


@pytest.fixture
def address(source: Address) -> Iterator[Address]:
    """The source as it was made: what a test fences or limits is lifted after it."""
    database._tls.cache_clear()
    yield source
    database._tls.cache_clear()
    with Database.connect(source, ADMIN) as session:
        session.execute("ALTER DATABASE orders RESET default_transaction_read_only")
        session.execute("ALTER ROLE orders_app LOGIN CONNECTION LIMIT -1")


def test_sessions_are_encrypted_named_and_in_autocommit(address: Address) -> None:
    with Database.connect(address, ADMIN) as session:
        rows = session.rows("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()")
        assert rows == [[True]]
        assert session.value("SHOW application_name") == "crossfade"
        assert session.execute("INSERT INTO orders (note) VALUES (:note)", note="kept") == 1
    with Database.connect(address, ADMIN) as session:
        assert session.value("SELECT count(*) FROM orders WHERE note = :note", note="kept") == 1
        assert session.value("SELECT 1 WHERE false") is None


def test_a_transaction_is_whole_or_nothing(address: Address) -> None:
    with Database.connect(address, ADMIN) as session:
        with pytest.raises(DatabaseRefused):
            _half(session)
        assert session.value("SELECT count(*) FROM orders WHERE note = 'half'") == 0


def test_the_server_is_verified_with_an_authority(
    address: Address, account_of_module: TaskAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = account_of_module
    authority = account.rds.fleet.installation.certificates.authority
    monkeypatch.setenv("CROSSFADE_DATABASE_CA", str(authority))
    with Database.connect(address, ADMIN) as session:
        assert session.value("SELECT 1") == 1
    account.platform.set_host("somebody-else.example", account.platform.hosts[address.host])
    with pytest.raises(Throttled, match="certificate"):
        Database.connect(Address("somebody-else.example", address.port, "orders"), ADMIN)
    assert database._tls().verify_mode is ssl.CERT_REQUIRED


def test_the_master_writes_behind_the_fence_and_the_application_does_not(address: Address) -> None:
    with Database.connect(address, ADMIN) as session:
        session.execute("ALTER DATABASE orders SET default_transaction_read_only = on")
        with Database.connect(address, APPLICATION, writable=False) as application:
            with pytest.raises(DatabaseRefused) as refused:
                application.execute("DELETE FROM lines")
            assert refused.value.sqlstate == "25006"
        with Database.connect(address, ADMIN) as again:
            assert again.execute("DELETE FROM lines") == 500
        assert Database.login_problem(address, APPLICATION) is None
        session.execute("ALTER ROLE orders_app NOLOGIN")
        with pytest.raises(DatabaseRefused) as closed:
            Database.connect(address, APPLICATION)
        assert closed.value.sqlstate == "28000"
        assert "not permitted to log in" in str(Database.login_problem(address, APPLICATION))


def test_refusals_say_neither_statement_nor_password(address: Address) -> None:
    with pytest.raises(DatabaseRefused) as refused:
        Database.connect(address, Credentials("orders_app", "guess-4711"))
    assert refused.value.sqlstate == "28P01"
    with Database.connect(address, ADMIN) as session, pytest.raises(DatabaseRefused) as failed:
        session.execute("CREATE ROLE x PASSWORD 'guess-4711' IN ROLE nobody_there")
    assert "nobody_there" in str(failed.value)
    for error in (refused.value, failed.value):
        assert "guess-4711" not in str(error)
        assert error.__suppress_context__
    assert "guess-4711" not in repr(Credentials("orders_app", "guess-4711"))


def test_slow_statements_end_and_lost_servers_are_waited_for(address: Address) -> None:
    with Database.connect(address, ADMIN, statement_timeout_ms=50) as session:
        with pytest.raises(DatabaseRefused) as slow:
            session.execute("SELECT pg_sleep(5)")
        assert slow.value.sqlstate == "57014"
        with Database.connect(address, ADMIN) as other:
            other.rows(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE pid <> pg_backend_pid() AND usename = current_user"
            )
        with pytest.raises(Throttled):
            session.value("SELECT 1")
        session.close()
    with pytest.raises(Throttled, match="cannot be reached"):
        Database.connect(Address("127.0.0.99", address.port, "orders"), ADMIN, connect_timeout_seconds=0.5)
    with Database.connect(address, ADMIN) as full:
        full.execute("ALTER ROLE orders_app CONNECTION LIMIT 0")
    with pytest.raises(Throttled, match="53300"):
        Database.connect(address, APPLICATION)


def _half(session: Database) -> None:
    with session.transaction():
        session.execute("INSERT INTO orders (note) VALUES ('half')")
        session.execute("INSERT INTO orders (note) VALUES (NULL)")
