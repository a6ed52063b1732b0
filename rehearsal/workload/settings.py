"""What the processes of the workload are told: one JSON file in the directory where they write what they saw."""

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path

from rehearsal.workload.schema import FULL, Size

SETTINGS_FILE = "workload.json"


@dataclass(frozen=True)
class WorkloadSettings:
    """The application's configuration, and how hard it works.

    `name_server` is "address:port" of the VPC's name server; `published_writer` the SSM parameter, or None. Rates are
    per second over all writers (readers). The longest TTL and age are shorter than an application would choose,
    because a rehearsal's five minutes pass in seconds.
    """

    directory: str
    writer_host: str
    reader_host: str
    port: int
    user: str
    password: str
    database: str
    name_server: str
    ca_file: str | None = None
    published_writer: str | None = None
    writers: int = 8
    readers: int = 4
    writes_per_second: float = 350.0
    reads_per_second: float = 48.0
    max_ttl_seconds: float = 0.25
    max_connection_age_seconds: float = 1.0
    deadline_seconds: float = 30.0
    size: Size = FULL

    def save(self) -> Path:
        """Writes the settings into their directory; the file's path."""
        path = Path(self.directory) / SETTINGS_FILE
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(json.dumps(dataclasses.asdict(self), indent=1), encoding="utf-8")
        return path


def load(path: Path) -> WorkloadSettings:
    """Reads what `save` wrote."""
    stored = json.loads(path.read_text(encoding="utf-8"))
    return WorkloadSettings(**stored | {"size": Size(**stored["size"])})
