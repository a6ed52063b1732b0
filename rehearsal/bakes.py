"""Going back from a bake: what several stories begin with."""

from rehearsal.light import OperationRefused, Story

WEEK = {"bakeDays": 7}
"""Options of a migration that is to be turned back: its bake lasts ten minutes at a pace of 1000."""


def roll_back(it: Story) -> None:
    """Asks to go back as soon as the way back is open. Raises StoryFailed when it does not come."""
    it.until_state("Bake")
    it.until(lambda: accepted(it, "roll-back"), "an open way back")


def accepted(it: Story, operation: str) -> bool:
    """Whether the operation was taken; refused ones may be asked for again."""
    try:
        it.operate(operation, by="on-call", reason="rehearsed")
    except OperationRefused as refusal:
        it.say(f"{it.scenario.name}: {operation} was refused: {refusal}")
        return False
    return True
