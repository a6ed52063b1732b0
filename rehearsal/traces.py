"""What a migration has left where its story is over: rows on both sides, slots, the record, the published writer."""

import json
from collections.abc import Iterator
from contextlib import suppress

import pg8000.native
from botocore.exceptions import ClientError

from rehearsal import evidence
from rehearsal.evidence import Seen
from rehearsal.ground import client
from rehearsal.invariants import Records
from rehearsal.light import Story
from rehearsal.verdict import Data

SLOTS = "select slot_name::text from pg_replication_slots where slot_type = 'logical'"


def data(story: Story, seen: Seen, accepting: frozenset[str]) -> Data:
    """The rows of the final writer, and of the other side if it once acknowledged a write and still exists."""
    shop, final = story.shop, "target" if accepting == {"target"} else "source"
    other = {"source": "target", "target": "source"}[final]
    hosts = {"source": shop.host, "target": shop.target_host()}
    host, other_host = hosts[final], hosts[other]
    with shop.master(str(host)) as writer:
        if other_host is None or shop.address(other_host) not in {each.server for each in seen.writes}:
            return evidence.data(writer, None, seen, final)
        with shop.master(other_host) as earlier:
            return evidence.data(writer, earlier, seen, final)


def slots(story: Story) -> list[str]:
    """Logical replication slots on both sides, as "side: name"."""
    hosts = {"source": story.shop.host, "target": story.shop.target_host()}
    return [f"{side}: {slot}" for side, host in hosts.items() if host for slot in _slots(story, host)]


def _slots(story: Story, host: str) -> Iterator[str]:
    with suppress(pg8000.native.InterfaceError, OSError), story.shop.master(host) as session:
        yield from (str(row[0]) for row in session.run(SLOTS))


def record(sample: Records) -> str:
    """The side that the writer record leads to."""
    return max(sample.writer, key=lambda side: sample.writer[side], default="nowhere")


def published(story: Story) -> str | None:
    """The side that the published endpoint names; None when nothing is published."""
    ssm = client(story.account, "ssm")
    try:
        value = ssm.get_parameter(Name=story.shop.store.published_writer)["Parameter"]["Value"]
    except ClientError:
        return None
    return "source" if json.loads(value)["host"] == story.shop.host else "target"
