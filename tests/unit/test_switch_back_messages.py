"""What on-call reads when the switch back did not happen must be true of the way back as well."""

from __future__ import annotations

import pytest

from migration.messages import Subject
from migration.switch_back_messages import switch_back_undone

ABOUT = Subject("orders", "orders-1f0c9a2b", "arn:aws:states:eu-west-1:123456789012:execution:m:e", "orders-aurora")
STILL_FOLLOWS = "still brings the source every write"


@pytest.mark.parametrize(("way_back", "follows"), [("running", True), ("broken", False)])
def test_it_promises_no_way_back_that_is_broken(way_back: str, follows: bool) -> None:
    body = switch_back_undone(ABOUT, "SourceBusy: behind", "2026-11-30T12:00:00+00:00", way_back).body
    assert (STILL_FOLLOWS in body) is follows
    assert (f"reverse replication is {way_back}" in body) is not follows
