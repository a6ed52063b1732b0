"""Route 53 throttles, refuses the flip of the writer record, and keeps a change PENDING."""

from rehearsal.checks import faults_struck, passed
from rehearsal.light import Scenario, Story

CHANGE = {"kind": "api", "action": "route53:ChangeResourceRecordSets", "effect": "error"}
THROTTLED = {**CHANGE, "code": "Throttling", "message": "Rate exceeded"}
BROKEN = {**CHANGE, "code": "InternalFailure", "status": 500}


def throttled(it: Story) -> None:
    """Whoever changes a record is throttled more often than botocore tries again."""
    it.fault(**THROTTLED, times=12)
    it.start()


def flip_fails_for_a_while(it: Story) -> None:
    """The first attempts to flip the writer record fail; the target is open already."""
    it.fault(**BROKEN, principal="crossfade-cut-over", times=12)
    it.start()


def flip_answer_is_lost(it: Story) -> None:
    """The flip takes effect, its answer never arrives."""
    it.fault(**CHANGE | {"effect": "drop-after"}, principal="crossfade-cut-over", times=6)
    it.start()


def flip_fails_in_every_attempt(it: Story) -> None:
    """CutOver uses up its attempts; FinishCutOver goes on where it stopped."""
    it.fault(**BROKEN, principal="crossfade-cut-over", times=None)
    it.start()


def stays_pending(it: Story) -> None:
    """The flip of the writer record comes into sync late; nothing is lost, nobody writes to the source."""
    rule = it.fault(kind="event", name="route53-stays-pending", match=it.shop.store.writer_name, times=None)
    it.start()
    it.until_state("Bake")
    it.until_message("INSYNC")
    it.account.clear_faults(rule)


SCENARIOS = [
    Scenario("fail_route53_throttled", throttled, ends=("Complete",), checks=(faults_struck,)),
    Scenario("fail_dns_flip", flip_fails_for_a_while, ends=("Complete",), checks=(faults_struck,)),
    Scenario("fail_dns_flip_answer", flip_answer_is_lost, ends=("Complete",), checks=(faults_struck,)),
    Scenario(
        "fail_dns_flip_until_finish",
        flip_fails_in_every_attempt,
        ends=("Complete",),
        checks=(faults_struck, passed("FinishCutOver")),
    ),
    Scenario("fail_route53_pending", stays_pending, ends=("Complete",)),
]
