"""Somebody changes a row on the target behind replication's back: the verification finds it, and nothing is moved."""

from rehearsal.light import Scenario, Story

LOADED = "select count(*) from orders.country"
CHANGE = "update orders.country set name = name || '?' where code = (select min(code) from orders.country)"


def story(it: Story) -> None:
    """The row is loaded and will not be written again, so no later change can hide it."""
    it.start()
    it.until_state("AwaitReplication")
    host = str(it.shop.target_host())
    with it.shop.master(host) as target:
        it.until(lambda: target.run(LOADED)[0][0] > 0, "the loaded table")
        target.run("set session_replication_role = replica")  # as DMS does: the target is closed to everybody else
        target.run(CHANGE)
    it.until_message("VerificationFailed")


def named_in_the_mail(it: Story) -> list[str]:
    """On-call learns which table it was."""
    return [] if it.mails and "orders.country" in it.mails[-1]["message"] else ["the last message names no table"]


SCENARIOS = [
    Scenario("fail_difference", story, ends=("MigrationRolledBack",), checks=(named_in_the_mail,)),
]
