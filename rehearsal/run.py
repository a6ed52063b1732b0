"""One rehearsal: the account, the shop, its workload, a watcher, an execution, and the verdict at the end."""

import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any

from rehearsal import deploy, evidence, execution, ground, judgement, process, report, shop
from rehearsal.account.settings import ROOT
from rehearsal.execution import Execution
from rehearsal.lag import lag_seconds
from rehearsal.process import Account
from rehearsal.progress import Figures, Progress
from rehearsal.shop import Shop
from rehearsal.verdict import broken_promises
from rehearsal.workload.load import Workload
from rehearsal.workload.schema import APPLICATION_ROLE
from rehearsal.workload.settings import WorkloadSettings

POLL_SECONDS = 0.4
LONGEST_RUN_SECONDS = 1200.0  # four times what a busy machine took; a hang, not slowness, exceeds it
CALM_SECONDS = 2.0  # of load before the execution and after it
Hook = Callable[["Rehearsal", Mapping[str, Any]], None]
Tick = Callable[["Rehearsal"], None]
Extra = Callable[[Mapping[str, Any]], Sequence[str]]


class RehearsalFailed(RuntimeError):
    """The rehearsal could not be carried through; the message says what to look at."""


@dataclass
class Rehearsal:
    """Everything of one run; a context manager that ends all it started."""

    scenario: str
    pace: float
    progress: Progress = field(default_factory=Progress)

    def __post_init__(self) -> None:
        self.directory = ROOT / "build" / "rehearsal" / self.scenario
        self.account: Account
        self.shop: Shop
        self.workload: Workload
        self._watcher: subprocess.Popen[bytes] | None = None
        self._seen_events: set[int] = set()
        self._mails = 0
        self.subjects: list[str] = []

    def __enter__(self) -> "Rehearsal":
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that an ended rehearsal still cleans up
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        self.progress.say(f"starting the one-machine account (1 s = {self.pace:g} s of AWS)")
        self.account = process.start(pace=self.pace)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.progress.close()
        self.stop_load()
        process.stop(Path(self.account.state_dir))

    def build(self) -> None:
        """The shop with its database and records; the app deployed with the real CDK CLI meanwhile."""
        around = ground.prepare(self.account)
        failures: list[Exception] = []

        def deploy_app() -> None:
            try:
                deploy.deploy(self.account, around.app_settings(), self.progress.say)
            except Exception as error:
                failures.append(error)

        deployment = threading.Thread(target=deploy_app)
        deployment.start()
        try:
            self.shop = shop.build(around, self.progress.say)
        finally:
            deployment.join()
        if failures:
            raise failures[0]

    def start_load(self) -> None:
        """Writers, readers and the watcher."""
        store = self.shop.store
        settings = WorkloadSettings(
            directory=str(self.directory),
            writer_host=store.writer_name,
            reader_host=store.reader_name,
            port=self.shop.port,
            user=APPLICATION_ROLE,
            password=store.application_password,
            database=ground.DATABASE,
            name_server=self.shop.ground.name_server,
            ca_file=str(self.shop.ground.ca_file) if self.shop.ground.ca_file else None,
            published_writer=store.published_writer,
        )
        environment = execution.operator_environment(self.account)
        self.workload = Workload(settings, environment)
        self.workload.start()
        python_path = {"PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
        with (self.directory / "watcher.log").open("wb") as log:
            command = [sys.executable, "-m", "rehearsal.watcher", str(settings.save()), "--source", self.shop.host]
            self._watcher = subprocess.Popen(
                command, cwd=ROOT, env={**environment, **python_path}, stdout=log, stderr=log
            )
        self.progress.say("the shop is open: 8 writers, 4 readers, a watcher on both databases")
        time.sleep(CALM_SECONDS)

    def stop_load(self) -> None:
        """Ends writers, readers and the watcher, if they are there."""
        if hasattr(self, "workload"):
            self.workload.stop()
        if self._watcher:
            self._watcher.terminate()
            self._watcher.wait(15)
            self._watcher = None

    def follow(
        self,
        migration: Execution,
        on_state: Mapping[str, Hook] | None = None,
        on_mail: Hook | None = None,
        on_tick: Tick | None = None,
    ) -> str:
        """Shows the execution until it ends; its status. Hooks get the entry event of a state, or an e-mail."""
        deadline = time.monotonic() + LONGEST_RUN_SECONDS
        while time.monotonic() < deadline:
            status = migration.status()
            for event in migration.recent():
                self._show(event, on_state or {})
            for mail in self.account.mailbox(self._mails):
                self._mails = mail["n"]
                self.subjects.append(mail["subject"])
                self.progress.say(f"  e-mail: {mail['subject']}")
                if on_mail:
                    on_mail(self, mail)
            if status != "RUNNING":
                return status
            self.workload.check()
            if on_tick:
                on_tick(self)
            self.progress.figures(self._figures())
            time.sleep(POLL_SECONDS)
        return f"RUNNING after {LONGEST_RUN_SECONDS:g} s"

    def writes_on_target(self) -> int:
        """Writes acknowledged so far by another server than the source's."""
        source = self.shop.address(self.shop.host)
        servers: Mapping[str, int] = self.workload.figures()["writes"].get("servers", {})
        return sum(count for address, count in servers.items() if address != source)

    def way_back_runs(self) -> bool:
        """Whether the replication task back to the source is running."""
        tasks = ground.client(self.account, "dms").describe_replication_tasks(WithoutSettings=True)["ReplicationTasks"]
        named = (task for task in tasks if task["ReplicationTaskIdentifier"].endswith("-reverse"))
        return any(task["Status"] == "running" for task in named)

    def judge(
        self,
        migration: Execution,
        outcome: str,
        began: float,
        expected: str = "SUCCEEDED",
        extra: Extra = lambda _: (),
    ) -> int:
        """Stops the load, compares everything, writes verdict and report; 0 when every promise was kept.

        `extra` says what a scenario has promised beyond what every run promises.
        """
        time.sleep(CALM_SECONDS)
        self.stop_load()
        ended = time.time()
        self.progress.say("comparing every acknowledged write and every row")
        seen = evidence.seen(self.directory)
        history = migration.history()
        run = judgement.Run(
            scenario=self.scenario,
            outcome=outcome,
            began=began,
            ended=ended,
            stages=execution.stages(history),
            history_events=len(history),
            calls=self.account.calls(),
            subjects=self.subjects,
            cut_over=execution.result_of("CutOver", "cutOver", history),
            switch_back=execution.result_of("SwitchBack", "switchBack", history),
            expected_outcome=expected,
        )
        judged = judgement.judge(run, self._data(seen), seen)
        broken = judged["broken"] = [*broken_promises(judged), *extra(judged)]
        evidence.save_json(self.directory / "verdict.json", judged)
        page = report.write(self.directory, judged, seen)
        for line in broken:
            self.progress.say(f"BROKEN: {line}")
        self.progress.say(f"verdict: {self.directory / 'verdict.json'}   report: {page}")
        self.progress.close()
        return 1 if broken else 0

    def _data(self, seen: evidence.Seen) -> Any:
        moved = self.shop.real_host(self.shop.store.writer_name) != self.shop.host
        target = self.shop.target_host()
        side, other = ("target", self.shop.host) if moved else ("source", target)
        with self.shop.master(self.shop.store.writer_name) as final:
            if other is None or self.shop.address(other) not in {each.server for each in seen.writes}:
                return evidence.data(final, None, seen, side)
            with self.shop.master(other) as earlier:
                return evidence.data(final, earlier, seen, side)

    def _show(self, event: Mapping[str, Any], on_state: Mapping[str, Hook]) -> None:
        if event["id"] in self._seen_events:
            return
        self._seen_events.add(event["id"])
        if entered := event.get("stateEnteredEventDetails"):
            self.progress.state(entered["name"])
            if hook := on_state.get(entered["name"]):
                hook(self, event)
        elif text := execution.message(event):
            self.progress.message(text)

    def _figures(self) -> Figures:
        figures = self.workload.figures()
        return Figures(figures["writes"], figures["reads"], self._reader_weight(), lag_seconds(self.account))

    def _reader_weight(self) -> int | None:
        """Percent of the reader record's weight that is not on the source."""
        records = ground.client(self.account, "route53").list_resource_record_sets(
            HostedZoneId=self.shop.ground.hosted_zone_id
        )["ResourceRecordSets"]
        weights = {
            each["ResourceRecords"][0]["Value"]: each["Weight"]
            for each in records
            if each["Name"].rstrip(".") == self.shop.store.reader_name and "Weight" in each
        }
        total = sum(weights.values())
        return round(100 * (total - weights.get(self.shop.host, 0)) / total) if total else None
