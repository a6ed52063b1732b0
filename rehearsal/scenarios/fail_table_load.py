"""The full load of one table fails: the others are loaded, and it is not taken for done."""

from rehearsal.light import Scenario, Story

TABLE = "orders.purchase_line"


def story(it: Story) -> None:
    """DMS puts one table into `Table error`."""
    it.fault(kind="event", name="table-load-fails", match=f"/{TABLE}")
    it.start()


def is_named(it: Story) -> list[str]:
    """On-call has to know which table, or that its load was the reason."""
    told = " ".join(mail["message"] for mail in it.mails)
    return [] if TABLE in told else [f"no message names {TABLE}"]


SCENARIOS = [Scenario("fail_table_load", story, ends=("MigrationRolledBack",), alone=True, checks=(is_named,))]
