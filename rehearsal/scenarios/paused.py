"""An operator pauses the read shift, looks at the graphs, and lets it go on."""

import time

from rehearsal.light import Scenario, Story, StoryFailed
from rehearsal.records import records

STEPS = [10, 20, 30, 40, 50, 60, 70, 80, 90, 100]
HELD_SECONDS = 2.0  # a dozen firings at the suite's pace


def story(it: Story) -> None:
    """The weights stand still meanwhile."""
    it.start(readShift={"steps": STEPS, "intervalMinutes": 1})
    it.until(lambda: _weight(it) > 0, "the first step")
    it.operate("pause")
    held = _weight(it)
    time.sleep(HELD_SECONDS)
    if _weight(it) != held:
        raise StoryFailed(f"the weight was {held} when the shift was paused and is {_weight(it)} now")
    it.operate("resume")


def _weight(it: Story) -> int:
    return int(records(it.shop).reader.get("target", 0))


SCENARIOS = [Scenario("paused", story, ends=("Complete",))]
