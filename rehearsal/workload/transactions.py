"""What the shop writes: five kinds of transactions, each returning its effects so that a verdict can look for them.

An effect is `[table, [primary key…], "insert" | "update" | "delete"]`. An update also adds one to the row's `writes`,
so that an effect applied twice shows even when its value does not.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from crossfade_client import Connection
from rehearsal.workload.schema import Size

Effect = list[Any]
FIRST_PRODUCT = 1000
LARGE_TEXT_CHARACTERS = 70_000


class Chance(random.Random):
    """Random choices among what a shop has."""

    size: Size

    @classmethod
    def of(cls, seed: int, size: Size) -> "Chance":
        """The choices that `seed` makes in a shop that began with `size`."""
        chance = cls(seed)
        chance.size = size
        return chance

    def customer(self) -> int:
        """The id of one of the customers the shop began with."""
        return 1 + self.randrange(self.size.customers)

    def product(self) -> int:
        """The id of one of the products."""
        return FIRST_PRODUCT + self.randrange(self.size.products)


@dataclass
class Shopper:
    """One writer's memory: its random choices and the purchases it may still change."""

    chance: Chance
    open_purchases: list[int] = field(default_factory=list)

    def choose(self) -> "Transaction":
        """The next transaction: mostly purchases, sometimes a change or a cancellation of one of its own."""
        kind = self.chance.choices(list(KINDS), [each.share for each in KINDS.values()])[0]
        if KINDS[kind].needs_purchase and not self.open_purchases:
            kind = "place"
        seed = self.chance.getrandbits(32)
        return Transaction(kind, seed, self._subject(kind), self.chance.size)

    def remember(self, transaction: "Transaction", effects: list[Effect]) -> None:
        """Takes note of an acknowledged transaction."""
        if transaction.kind == "place":
            self.open_purchases.append(effects[0][1][0])
            del self.open_purchases[:-200]

    def _subject(self, kind: str) -> int:
        if kind == "cancel":
            return self.open_purchases.pop(self.chance.randrange(len(self.open_purchases)))
        if kind == "advance":
            return self.chance.choice(self.open_purchases)
        if kind == "profile":
            return self.chance.customer()
        return self.chance.product()


@dataclass(frozen=True)
class Transaction:
    """One decided transaction: running it again does exactly the same."""

    kind: str
    seed: int
    subject: int
    size: Size

    def run(self, connection: Connection, key: str) -> list[Effect]:
        """Runs the statements; the effects."""
        return KINDS[self.kind].run(connection.cursor(), Chance.of(self.seed, self.size), self.subject, key)


def place(cursor: Any, chance: Chance, product: int, key: str) -> list[Effect]:
    """A purchase with two lines takes stock of one product."""
    customer, price, other = chance.customer(), _price(chance), chance.product()
    cursor.execute(
        "insert into orders.purchase (customer_id, total, last_write) values (%s, %s, %s) returning id",
        (customer, 3 * price, key),
    )
    purchase = cursor.fetchone()[0]
    cursor.execute(
        "insert into orders.purchase_line (purchase_id, line_number, product_id, quantity, unit_price, last_write)"
        " values (%s, 1, %s, 1, %s, %s), (%s, 2, %s, 2, %s, %s)",
        (purchase, product, price, key, purchase, other, price, key),
    )
    cursor.execute(
        "update orders.stock set reserved = reserved + 1, writes = writes + 1, last_write = %s where product_id = %s",
        (key, product),
    )
    lines = [["purchase_line", [purchase, number], "insert"] for number in (1, 2)]
    return [["purchase", [purchase], "insert"], *lines, ["stock", [product], "update"]]


def advance(cursor: Any, chance: random.Random, purchase: int, key: str) -> list[Effect]:
    """A purchase takes its next step, and an event says so."""
    status = chance.choice(["paid", "shipped", "delivered"])
    cursor.execute(
        "update orders.purchase set status = %s::orders.purchase_status, writes = writes + 1, last_write = %s"
        " where id = %s",
        (status, key, purchase),
    )
    return [["purchase", [purchase], "update"], _event(cursor, "advance", purchase, key)]


def profile(cursor: Any, chance: random.Random, customer: int, key: str) -> list[Effect]:
    """A customer changes preferences."""
    cursor.execute(
        "update orders.customer set preferences = preferences || jsonb_build_object('page', %s::int),"
        " tags = array['seen', %s], writes = writes + 1, last_write = %s where id = %s",
        (chance.randrange(1000), f"день-{chance.randrange(365)}", key, customer),
    )
    return [["customer", [customer], "update"], _event(cursor, "profile", customer, key)]


def cancel(cursor: Any, _: random.Random, purchase: int, key: str) -> list[Effect]:
    """A purchase disappears with its lines; the audit trigger learns the key from the session."""
    cursor.execute("select set_config('orders.write_key', %s, true)", (key,))
    cursor.execute("delete from orders.purchase_line where purchase_id = %s", (purchase,))
    cursor.execute("delete from orders.purchase where id = %s", (purchase,))
    lines = [["purchase_line", [purchase, number], "delete"] for number in (1, 2)]
    return [["purchase", [purchase], "delete"], *lines]


def describe(cursor: Any, chance: random.Random, product: int, key: str) -> list[Effect]:
    """A product gets a new price, now and then a description of more than 64 KB: most updates leave that as it is."""
    changed, value = "price = %s", _price(chance)
    if chance.random() < 0.1:
        changed, value = "description = %s", "größer " + chance.randbytes(LARGE_TEXT_CHARACTERS // 2).hex()
    cursor.execute(
        f"update orders.product set {changed}, writes = writes + 1, last_write = %s where id = %s",
        (value, key, product),
    )
    return [["product", [product], "update"]]


def _event(cursor: Any, kind: str, subject: int, key: str) -> Effect:
    cursor.execute(
        "insert into orders.event (kind, detail, last_write)"
        " values (%s, jsonb_build_object('subject', %s::bigint), %s) returning id::text, happened_at::text",
        (kind, subject, key),
    )
    return ["event", list(cursor.fetchone()), "insert"]


def _price(chance: random.Random) -> Any:
    return Decimal(chance.randrange(100, 99_999)) / 100


@dataclass(frozen=True)
class Kind:
    """One kind of transaction: how often it comes and whether it needs a purchase of the writer's own."""

    run: Callable[[Any, Chance, int, str], list[Effect]]
    share: float
    needs_purchase: bool = False


KINDS = {
    "place": Kind(place, 0.40),
    "advance": Kind(advance, 0.25, needs_purchase=True),
    "profile": Kind(profile, 0.20),
    "describe": Kind(describe, 0.10),
    "cancel": Kind(cancel, 0.05, needs_purchase=True),
}
