"""Which ends of an execution are news."""

import json

import pytest

from events.announce_outcome import handler


def test_a_dry_run_that_ended_well_tells_nobody() -> None:
    assert handler({"detail": {"status": "SUCCEEDED", "input": json.dumps({"mode": "dry-run"})}}, None) == {}


@pytest.mark.parametrize(
    ("status", "asked"),
    [("FAILED", '{"mode": "dry-run"}'), ("SUCCEEDED", "{}"), ("SUCCEEDED", '"dry-run"'), ("SUCCEEDED", None)],
)
def test_every_other_end_is_told(status: str, asked: str | None) -> None:
    with pytest.raises(KeyError):  # it goes on to the message, which asks for what this event lacks
        handler({"detail": {"status": status, "input": asked}}, None)
