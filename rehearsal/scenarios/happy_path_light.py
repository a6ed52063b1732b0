"""Everything goes well in a small shop: a person approves, the bake is a moment, the source is kept."""

from rehearsal.light import Scenario, Story


def story(it: Story) -> None:
    """On-call gets the message and approves."""
    it.start(approval="manual")
    it.until_mail("Approve:")
    it.operate("approve", by="on-call")


SCENARIOS = [Scenario("happy_path_light", story, ends=("Complete",))]
