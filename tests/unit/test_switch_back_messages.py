"""What on-call reads when the switch back did not happen must be true of the way back as well."""

from __future__ import annotations

from migration.messages import Subject
from migration.switch_back_messages import switch_back_undone

ABOUT = Subject("orders", "orders-1f0c9a2b", "arn:aws:states:eu-west-1:123456789012:execution:m:e", "orders-aurora")
STILL_FOLLOWS = "still brings the source every write"


def told(way_back: str) -> str:
    return switch_back_undone(ABOUT, "SourceBusy: behind", "2026-11-30T12:00:00+00:00", way_back).body


def test_a_way_back_that_runs_is_promised() -> None:
    assert STILL_FOLLOWS in told("running")


def test_one_that_is_broken_is_not() -> None:
    assert STILL_FOLLOWS not in told("broken")
    assert "reverse replication is broken" in told("broken")
