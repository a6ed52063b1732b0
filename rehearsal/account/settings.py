"""Where the account listens and keeps its files; read before ministack is imported.

Environment: `CROSSFADE_PORT` (API, default 4566), `CROSSFADE_DNS_PORT` (name server, default 15353),
`CROSSFADE_ACCOUNT_DIR` (logs, records and caches, default `build/account` of the repository), `CROSSFADE_PACE`,
`CROSSFADE_EMULATED` (the emulated services to start, default `rds,dms`).
"""

import os
import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
STATE_DIR = Path(os.environ.get("CROSSFADE_ACCOUNT_DIR") or ROOT / "build" / "account")
PORT = int(os.environ.get("CROSSFADE_PORT") or 4566)
DNS_PORT = int(os.environ.get("CROSSFADE_DNS_PORT") or 15353)
EMULATED = os.environ.get("CROSSFADE_EMULATED", "rds,dms").replace(",", " ").split()
ENDPOINT_URL = f"http://127.0.0.1:{PORT}"
KILL_POINTS = STATE_DIR / "kill-points.json"
RUNTIME_PYTHON = ROOT / ".venv-runtime" / "bin" / "python"
_INHERITED = ("PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "PYTHONPATH", "USER")


def configure_environment() -> None:
    """Make this process the account: ministack reads all of it at import, so call this before.

    Only what a process needs of its starter's environment is kept, so that no AWS profile or ministack setting of the
    user's shell changes a run.
    """
    kept = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    kept |= {name: value for name, value in os.environ.items() if name.startswith("CROSSFADE_")}
    temporary = STATE_DIR / "tmp"
    shutil.rmtree(temporary, ignore_errors=True)
    temporary.mkdir(parents=True, exist_ok=True)
    os.environ.clear()
    os.environ.update(kept)
    os.environ.update(
        AUTH="true",
        BIND_HOST="127.0.0.1",
        GATEWAY_PORT=str(PORT),
        MINISTACK_REGION="us-east-1",
        MINISTACK_ACCOUNT_ID="000000000000",
        AWS_ENDPOINT_URL=ENDPOINT_URL,
        IOT_MTLS_ENABLED="0",
        SFTP_ENABLED="0",
        PERSIST_STATE="0",
        LOG_LEVEL=os.environ.get("CROSSFADE_LOG_LEVEL", "WARNING"),
        TMPDIR=str(temporary),
    )
