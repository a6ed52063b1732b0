"""Makes the shop's database: schema, rows, and the application's role with nothing but the right to change rows."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pg8000.native

HERE = Path(__file__).parent
APPLICATION_ROLE = "orders_app"
IDEMPOTENCY_TABLE = "orders.idempotency_key"
_GRANTS: Sequence[str] = (
    f"grant usage on schema orders to {APPLICATION_ROLE}",
    f"grant select, insert, update, delete on all tables in schema orders to {APPLICATION_ROLE}",
    f"grant usage on all sequences in schema orders to {APPLICATION_ROLE}",
)


@dataclass(frozen=True)
class Size:
    """How many rows a shop begins with. Purchases have two lines each."""

    customers: int
    products: int
    purchases: int
    events: int


FULL = Size(customers=5000, products=1000, purchases=8000, events=8000)
SMALL = Size(customers=100, products=60, purchases=60, events=60)


@dataclass(frozen=True)
class Login:
    """A way into a database. `ca_file` (PEM) asks for TLS with the server's name verified against `server_name`."""

    user: str
    password: str
    database: str
    ca_file: str | None = None


def create(connection: pg8000.native.Connection, application_password: str, size: Size = FULL) -> None:
    """Creates and fills the shop as the master user. `connection` is the master's, to the shop's (empty) database."""
    quoted = pg8000.native.literal(application_password)
    connection.run(f"create role {APPLICATION_ROLE} login password {quoted}")
    _run_script(connection, (HERE / "schema.sql").read_text(encoding="utf-8"))
    _run_script(connection, _seed(size))
    for grant in _GRANTS:
        connection.run(grant)


def row_counts(connection: pg8000.native.Connection) -> dict[str, int]:
    """Rows of every table of the shop, partitions counted in their parent."""
    query = (
        "select relname from pg_class where relnamespace = 'orders'::regnamespace"
        " and relkind in ('r', 'p') and not relispartition order by relname"
    )
    names: list[Any] = [row[0] for row in connection.run(query)]
    return {name: connection.run(f"select count(*) from orders.{name}")[0][0] for name in names}


def _seed(size: Size) -> str:
    script = (HERE / "seed.sql").read_text(encoding="utf-8")
    for name, count in asdict(size).items():
        script = script.replace(f":{name}", str(count))
    return script


def _run_script(connection: pg8000.native.Connection, script: str) -> None:
    connection.run("begin")
    connection.execute_simple(script)
    connection.run("commit")
