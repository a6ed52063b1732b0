"""Everything an operator can get wrong is refused within AssessSource: one clear sentence, nothing created."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from rehearsal import deploy, execution, ground, shop, short_run
from rehearsal.run import Rehearsal, RehearsalFailed
from rehearsal.short_run import ShortRun

AURORA_ID, AURORA_SOURCE = "reports-db", "reports-db"
MADE_WITHIN_SECONDS = 60.0
_STATES = ["IsUndo", "AssessSource", "MigrationRefused"]


@dataclass(frozen=True)
class Mistake:
    """An input that must be refused with a sentence that contains `says`."""

    what: str
    asked: Mapping[str, Any]
    says: str


ORDERS = {"source": ground.ORDERS}
MISTAKES = [
    Mistake("unknown source", {"source": "invoices-db"}, "The source invoices-db is unknown"),
    Mistake("unknown key", {**ORDERS, "stallBudget": 900}, "unknown keys stallBudget"),
    Mistake("weights not rising", {**ORDERS, "readShift": {"steps": [10, 5, 100]}}, "readShift.steps is [10, 5, 100]"),
    Mistake("unsupported engine", {"source": AURORA_SOURCE}, "engine aurora-postgresql, which is not supported"),
]
NO_KEY = Mistake("no primary key", ORDERS, "orders.visits has no primary key")
SECOND = Mistake("second execution", ORDERS, "is being migrated already by")


def run(pace: float) -> int:
    """The story; 0 when every mistake was refused and changed nothing."""
    with Rehearsal("wrong_input", pace) as rehearsal:
        build(rehearsal)
        make_aurora(rehearsal)
        return rehearse(rehearsal)


def build(rehearsal: Rehearsal) -> None:
    """The shop, and an app that is told of a second source: an Aurora database."""
    around = ground.prepare(rehearsal.account)
    settings = around.app_settings()
    sources = settings["sources"]
    sources[AURORA_SOURCE] = {**sources[ground.ORDERS], "instanceId": AURORA_ID}
    deploy.deploy(rehearsal.account, settings, rehearsal.progress.say)
    rehearsal.shop = shop.build(around, rehearsal.progress.say)


def make_aurora(rehearsal: Rehearsal) -> None:
    """A database of another engine: Aurora, the only other one that the account emulates."""
    rehearsal.progress.say(f"creating {AURORA_ID}, an Aurora database")
    rds, cluster = ground.client(rehearsal.account, "rds"), f"{AURORA_ID}-cluster"
    snapshot = rds.create_db_snapshot(DBInstanceIdentifier=ground.ORDERS, DBSnapshotIdentifier=AURORA_ID)
    rds.get_waiter("db_snapshot_available").wait(DBSnapshotIdentifier=AURORA_ID, WaiterConfig={"Delay": 1})
    rds.restore_db_cluster_from_snapshot(
        DBClusterIdentifier=cluster,
        SnapshotIdentifier=snapshot["DBSnapshot"]["DBSnapshotArn"],
        Engine="aurora-postgresql",
        DBSubnetGroupName=shop.SUBNETS,
        ServerlessV2ScalingConfiguration={"MinCapacity": 0.5, "MaxCapacity": 1},
    )
    rds.get_waiter("db_cluster_available").wait(DBClusterIdentifier=cluster, WaiterConfig={"Delay": 1})
    rds.create_db_instance(
        DBInstanceIdentifier=AURORA_ID,
        DBClusterIdentifier=cluster,
        DBInstanceClass="db.serverless",
        Engine="aurora-postgresql",
    )
    rds.get_waiter("db_instance_available").wait(DBInstanceIdentifier=AURORA_ID, WaiterConfig={"Delay": 1})


def rehearse(rehearsal: Rehearsal) -> int:
    """Every mistake in turn; the second execution comes last, when a first one holds the source."""
    tried = [(mistake, attempt(rehearsal, mistake)) for mistake in MISTAKES]
    with table_without_key(rehearsal):
        tried.append((NO_KEY, attempt(rehearsal, NO_KEY)))
    start_first(rehearsal)
    tried.append((SECOND, attempt(rehearsal, SECOND)))
    print("\n".join(f"  {mistake.what:<19} {done.error}: {done.sentence}" for mistake, done in tried))
    broken = [text for mistake, done in tried for text in faults(mistake, done)]
    for text in broken:
        rehearsal.progress.say(f"BROKEN: {text}")
    rehearsal.progress.say(f"{len(tried)} mistakes, {len(broken)} faults")
    return 1 if broken else 0


def attempt(rehearsal: Rehearsal, mistake: Mistake) -> ShortRun:
    """Starts the migration through the CLI and waits for its end."""
    rehearsal.progress.say(f"trying: {mistake.what}")
    before = len(rehearsal.account.calls())
    return short_run.ended(execution.start(rehearsal.account, mistake.asked), before)


def faults(mistake: Mistake, done: ShortRun) -> Iterator[str]:
    """What was not as promised."""
    if done.states != _STATES or done.error != "MigrationRefused":
        yield f"{mistake.what}: {done.status} after {', '.join(done.states)} with {done.error}"
    if mistake.says not in done.sentence:
        yield f"{mistake.what}: the sentence should say {mistake.says!r}"
    if mistake is SECOND and not any(is_assessment(call) for call in done.calls):
        yield f"{mistake.what}: the call record knows no call of AssessSource, so it proves nothing"
    for call in done.changing_calls:
        if mistake is not SECOND or is_assessment(call):
            yield f"{mistake.what}: {call['principal']} called {call['action']} on {call['resource']}"


def is_assessment(call: Mapping[str, Any]) -> bool:
    """The first migration goes on during the second, which was only in AssessSource: no other call can be its."""
    return bool(call["principal"].startswith("crossfade-assess-source-"))


@contextmanager
def table_without_key(rehearsal: Rehearsal) -> Iterator[None]:
    """The shop has the table for a while."""
    with rehearsal.shop.master(rehearsal.shop.host) as connection:
        connection.run("create table orders.visits (at timestamptz not null)")
        yield
        connection.run("drop table orders.visits")


def start_first(rehearsal: Rehearsal) -> None:
    """A migration that has claimed the source. It ends with the account."""
    first = execution.start(rehearsal.account, ORDERS)
    deadline = time.monotonic() + MADE_WITHIN_SECONDS
    while "PrepareSource" not in (stage.name for stage in execution.stages(first.history())):
        if first.status() != "RUNNING" or time.monotonic() > deadline:
            raise RehearsalFailed(f"the first migration of {ground.ORDERS} did not get to PrepareSource")
        time.sleep(0.1)
