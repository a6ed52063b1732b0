"""Somebody starts a second migration of the same source: it is refused in one sentence, the first goes on."""

import time

from rehearsal import short_run
from rehearsal.execution import Execution
from rehearsal.light import Scenario, Story, StoryFailed

DECIDED_WITHIN_SECONDS = 30.0


def while_reads_move(it: Story) -> None:
    """The first is half way."""
    first = it.start(approval="manual")
    it.until_state("ShiftReads")
    _require_refused(it, it.start(), first)
    it.until_mail("Approve:")
    it.operate("approve")


def at_the_same_moment(it: Story) -> None:
    """Both assess the source; one of them claims it."""
    both = [it.start(), it.start()]
    deadline = time.monotonic() + DECIDED_WITHIN_SECONDS
    while not (ended := [each for each in both if each.status() != "RUNNING"]):
        if time.monotonic() > deadline:
            raise StoryFailed("neither of the two executions was refused")
        time.sleep(0.1)
    (first,) = [each for each in both if each is not ended[0]] if len(ended) == 1 else both[:1]
    _require_refused(it, ended[0], first)


def _require_refused(it: Story, second: Execution, first: Execution) -> None:
    """The second has ended and names the first, which alone is the story from now on."""
    run = short_run.ended(second, len(it.account.calls()))
    if run.error != "MigrationRefused" or first.arn not in run.sentence:
        raise StoryFailed(f"the second execution ended with {run.error}: {run.sentence}")
    it.executions = [first]


SCENARIOS = [
    Scenario("fail_second_execution", while_reads_move, ends=("Complete",)),
    Scenario("fail_second_execution_at_once", at_the_same_moment, ends=("Complete",)),
]
