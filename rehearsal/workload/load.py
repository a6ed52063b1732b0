"""The workload as a whole: starts and ends the processes of writers and readers."""

import json
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal.workload import readers, writers
from rehearsal.workload.settings import WorkloadSettings

ROOT = Path(__file__).parents[2]
PROCESSES = {"rehearsal.workload.writers": writers.FIGURES, "rehearsal.workload.readers": readers.FIGURES}


class WorkloadFailed(Exception):
    """A process of the workload did not start or ended early; the message says where its output is."""


@dataclass
class Workload:
    """Writers and readers under way. `environment` carries what boto3 needs to find the account."""

    settings: WorkloadSettings
    environment: dict[str, str]
    _processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def start(self) -> None:
        """Starts both processes and returns when each has had an answer. Raises WorkloadFailed after 20 seconds."""
        settings = self.settings.save()
        for module in PROCESSES:
            with (Path(self.settings.directory) / f"{module.rsplit('.', 1)[-1]}.log").open("ab") as log:
                self._processes[module] = subprocess.Popen(
                    [sys.executable, "-m", module, str(settings)], cwd=ROOT, stdout=log, stderr=log, env=self._env()
                )
        deadline = time.monotonic() + 20
        while not all(figures.get("done") for figures in self.figures().values()):
            self.check()
            if time.monotonic() > deadline:
                raise WorkloadFailed(f"the workload had no answer within 20 s: {self.figures()}")
            time.sleep(0.05)

    def check(self) -> None:
        """Raises WorkloadFailed if a process is no longer there."""
        for module, process in self._processes.items():
            if process.poll() is not None:
                raise WorkloadFailed(f"{module} ended with {process.returncode}: see {self.settings.directory}")

    def stop(self) -> None:
        """Ends both processes; requests under way get their answer or pass their deadline first."""
        for process in self._processes.values():
            process.terminate()
        for process in self._processes.values():
            process.wait(self.settings.deadline_seconds + 10)
        self._processes.clear()

    def figures(self) -> dict[str, dict[str, Any]]:
        """The live figures by file name without its end: {"writes": {...}, "reads": {...}}."""
        return {name.removesuffix(".json"): self._read(name) for name in PROCESSES.values()}

    def _read(self, name: str) -> dict[str, Any]:
        path = Path(self.settings.directory) / name
        if not path.exists():
            return {}
        figures: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        return figures

    def _env(self) -> dict[str, str]:
        return {**self.environment, "PYTHONPATH": f"{ROOT}:{ROOT / 'client'}"}
