"""The writer's and the reader's DNS records in Route 53."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from migration import weights
from migration.errors import MigrationBlocked, StateDrifted, Throttled
from migration.model import SourceSettings
from migration.weights import Change, RecordSet, Side

if TYPE_CHECKING:
    from types_boto3_route53 import Route53Client


class DnsRecords:
    """The two names of one source in its hosted zone.

    Every change is one batch, which Route 53 applies as a whole or not at all (AWS_RULES R6.1).
    Changing methods return the id of the change to wait for, None when nothing had to change: then it may be on its
    way still, and `again` makes a change that can be waited for.
    """

    def __init__(self, client: Route53Client, settings: SourceSettings) -> None:
        """Raises MigrationBlocked when writer and reader have the same name: reader weights would reach the writer."""
        if settings.writer_name.rstrip(".").lower() == settings.reader_name.rstrip(".").lower():
            raise MigrationBlocked(f"writerName and readerName are both {settings.writer_name}; give them two names.")
        self._client = client
        self._zone = settings.hosted_zone_id
        self.writer_name, self.reader_name = settings.writer_name, settings.reader_name

    def find(self, name: str) -> list[RecordSet]:
        """Every record of exactly this name, of any type; an empty list when there is none."""
        wanted = name.rstrip(".").lower() + "."
        try:
            answer = self._client.list_resource_record_sets(
                HostedZoneId=self._zone, StartRecordName=wanted, MaxItems="100"
            )
        except self._client.exceptions.NoSuchHostedZone:
            raise StateDrifted(
                f"The hosted zone {self._zone} of {name} does not exist; correct hostedZoneId."
            ) from None
        return [dict(record) for record in answer["ResourceRecordSets"] if record["Name"].lower() == wanted]

    def originals(self) -> dict[str, RecordSet]:
        """The simple records by name, to be kept in the ledger before `make_weighted` so that they can be restored."""
        found = {name: weights.simple_record(self.find(name)) for name in (self.writer_name, self.reader_name)}
        return {name: record for name, record in found.items() if record}

    def make_weighted(self, source_host: str) -> str | None:
        """Turns both simple records into weighted ones. Raises StateDrifted if they do not point to the source."""
        names = (self.writer_name, self.reader_name)
        return self._apply([c for name in names for c in weights.weighting_changes(name, self.find(name), source_host)])

    def add_target(self, writer_host: str, reader_host: str) -> str | None:
        """Adds the target's records with weight 0. Raises StateDrifted when ours are missing or point elsewhere."""
        hosts = {self.writer_name: writer_host, self.reader_name: reader_host}
        return self._apply([c for n, host in hosts.items() for c in weights.target_changes(n, self.find(n), host)])

    def reader_percent(self) -> int:
        """The share of the reads that goes to the target."""
        return weights.target_percent(self.find(self.reader_name))

    def set_reader_weights(self, percent_to_target: int, *, again: bool = False) -> str | None:
        """Gives the target this share of the reads."""
        found = self.find(self.reader_name)
        return self._apply(weights.reader_changes(self.reader_name, found, percent_to_target, again=again))

    def writer_side(self) -> Side:
        """Where the writer's name points to."""
        return Side.TARGET if weights.target_percent(self.find(self.writer_name)) else Side.SOURCE

    def prepare_flip(self, side: Side, *, again: bool = False) -> list[Change]:
        """The batch that points the writer at `side`, made outside the stall so that `apply` is one call inside it."""
        return weights.writer_changes(self.writer_name, self.find(self.writer_name), side, again=again)

    def flip_writer(self, side: Side = Side.TARGET, *, again: bool = False) -> str | None:
        """Points the writer at one side: 100/0 → 0/100 in one batch."""
        return self._apply(self.prepare_flip(side, again=again))

    def flip_all(self, side: Side) -> str | None:
        """Points writer and readers at one side in one batch."""
        percent = 100 if side is Side.TARGET else 0
        readers = weights.reader_changes(self.reader_name, self.find(self.reader_name), percent)
        return self._apply([*self.prepare_flip(side), *readers])

    def restore_simple(self, originals: dict[str, RecordSet]) -> str | None:
        """Puts the simple records back, as they were found before `make_weighted`."""
        found = {name: self.find(name) for name in originals}
        changes = [weights.restoring_changes(name, found[name], original) for name, original in originals.items()]
        return self._apply([change for batch in changes for change in batch])

    def is_insync(self, change_id: str | None) -> bool:
        """Whether Route 53's servers answer with the change; resolvers may keep the old answer for one more TTL."""
        if change_id is None:
            return True
        return self._client.get_change(Id=change_id)["ChangeInfo"]["Status"] == "INSYNC"

    def wait_insync(
        self, change_id: str | None, limit_seconds: float = 90, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        """Returns when the change is INSYNC, as a rule within a minute. Raises Throttled after the limit."""
        deadline = time.monotonic() + limit_seconds
        while not self.is_insync(change_id):
            if time.monotonic() > deadline:
                raise Throttled(f"Route 53 change {change_id} is still PENDING, not INSYNC")
            sleep(1)

    def _apply(self, changes: list[Change]) -> str | None:
        if not changes:
            return None
        batch: Any = {"Comment": "crossfade", "Changes": changes}
        try:
            answer = self._client.change_resource_record_sets(HostedZoneId=self._zone, ChangeBatch=batch)
        except self._client.exceptions.InvalidChangeBatch as error:
            raise StateDrifted(f"Route 53 refused to change hosted zone {self._zone}: {error}") from error
        return answer["ChangeInfo"]["Id"]
