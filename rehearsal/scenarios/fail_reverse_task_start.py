"""The way back does not start: on-call is told at once, nobody can roll back, and the target stays the writer."""

from rehearsal.light import OperationRefused, Scenario, Story


def story(it: Story) -> None:
    """DMS cannot start the reverse task; asked to go back, the operation refuses."""
    it.start(approval="manual", bakeDays=7)
    it.until_mail("Approve:")
    it.fault(kind="event", name="task-start-fails", match=f"crossfade-{it.migration_id}-reverse")
    it.operate("approve")
    it.until_mail("way back from Aurora is broken")
    try:
        it.operate("roll-back", reason="in vain")
    except OperationRefused as refusal:
        it.say(f"roll-back: {refusal}")
    else:
        raise AssertionError("roll-back was accepted without a way back")
    it.operate("complete-early", reason="there is no way back to wait for")


SCENARIOS = [Scenario("fail_reverse_task_start", story, ends=("Complete",))]
