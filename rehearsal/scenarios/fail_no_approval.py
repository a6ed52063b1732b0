"""Nobody approves: after 14 days the migration is undone by itself."""

from rehearsal.checks import passed
from rehearsal.light import Scenario, Story

FORTNIGHT_PACE = 100_000.0  # 14 days in 12 seconds


def story(it: Story) -> None:
    """On-call is on holiday."""
    pace = float(it.account.get("pace")["factor"])
    it.start(approval="manual")
    it.until_mail("Approve:")
    it.account.set_pace(FORTNIGHT_PACE)
    try:
        it.until_state("RestoreReads")
    finally:
        it.account.set_pace(pace)


SCENARIOS = [
    Scenario("fail_no_approval", story, ends=("MigrationRolledBack",), alone=True, checks=(passed("RequestCutover"),))
]
