"""A report keeps a transaction open at the fence: the cut-over waits with nothing fenced, and gives up if it must."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from rehearsal.bakes import WEEK, accepted, roll_back
from rehearsal.checks import passed
from rehearsal.light import Scenario, Story

LONG_SECONDS = 2.2  # lambdas/migration/fence.py calls a transaction long after 2 s


@contextmanager
def report(it: Story, host: str) -> Iterator[None]:
    """A transaction of a person's, open as long as the block."""
    with it.shop.master(host) as session:
        session.run("begin")
        session.run("select count(*) from orders.country")
        time.sleep(LONG_SECONDS)
        yield
        session.run("rollback")


def ends_in_time(it: Story) -> None:
    """The cut-over waits for it, then goes on."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    with report(it, it.shop.host):
        it.operate("approve")
        it.until_message("SourceBusy")


def never_ends(it: Story) -> None:
    """The cut-over gives up; the report is still open when everything else is undone."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    with report(it, it.shop.host):
        it.operate("approve")
        it.until_end()


def on_the_way_back(it: Story) -> None:
    """The switch back gives up and the bake goes on; when the report has ended, the second attempt succeeds."""
    it.start(**WEEK)
    it.until_state("Bake")
    with report(it, str(it.shop.target_host())):
        roll_back(it)
        it.until_state("UnfenceTarget")
        it.until(lambda: it.states.count("Bake") > 1, "the bake again")
    it.until(lambda: accepted(it, "roll-back"), "an open way back")


SCENARIOS = [
    Scenario("fail_long_transaction", ends_in_time, ends=("Complete",)),
    Scenario("fail_long_transaction_forever", never_ends, ends=("MigrationRolledBack",), checks=(passed("CutOver"),)),
    Scenario(
        "fail_long_transaction_on_target",
        on_the_way_back,
        ends=("MigrationRolledBack",),
        checks=(passed("UnfenceTarget", "KeepTarget"),),
    ),
]
