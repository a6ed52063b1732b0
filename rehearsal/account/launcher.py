"""The one-machine AWS account: ministack with our mends, the emulated RDS and DMS, and a name server, in one process.

PYTHONPATH=. .venv-account/bin/python -m rehearsal.account.launcher
"""

import contextlib
import importlib
import importlib.util
import logging
import shutil
import sys

from rehearsal.account import settings

settings.configure_environment()

from ministack import app  # noqa: E402  (reads the environment at import)
from ministack.core import iam_actions, router  # noqa: E402

from rehearsal.account import call_record, control, faults, mailbox, mends  # noqa: E402
from rehearsal.account.mends import route53  # noqa: E402
from rehearsal.servers.installation import default_installation  # noqa: E402

_log = logging.getLogger("crossfade.account")
_EMULATED = {
    "rds": {"host_patterns": [r"^rds\."]},
    "dms": {"target_prefixes": ["AmazonDMSv20160101"], "host_patterns": [r"^dms\."], "credential_scope": "dms"},
}


def main() -> None:
    """Serve until the process is ended."""
    call_record.keep_in(settings.STATE_DIR / "calls.jsonl")
    mailbox.keep_in(settings.STATE_DIR / "mailbox.jsonl")
    faults.keep_kill_points_in(settings.KILL_POINTS)
    mends.apply_all()
    control.install()
    for service in settings.EMULATED:
        _register(service)
    _publish_authority()
    _start_name_server()
    sys.argv = sys.argv[:1]
    with contextlib.suppress(KeyboardInterrupt):
        app.main()


def _register(service: str) -> None:
    """Let `rehearsal.account.<service>.service` answer the service's requests."""
    module = f"rehearsal.account.{service}.service"
    if not _exists(module):
        _log.warning("%s does not exist: %s is not emulated", module, service)
        return
    api = importlib.import_module(module).build()
    app.SERVICE_REGISTRY[service] = {"module": service}
    app.SERVICE_HANDLERS[service] = api.handle
    router.SERVICE_PATTERNS.setdefault(service, _EMULATED[service])
    iam_actions.SERVICE_TO_IAM_NAMESPACE.setdefault(service, service)


def _publish_authority() -> None:
    """What Amazon's global bundle is in AWS: the authority that vouches for the database servers."""
    shutil.copyfile(default_installation().certificates.authority, settings.STATE_DIR / "ca.pem")


def _start_name_server() -> None:
    if _exists("rehearsal.account.names"):
        names = importlib.import_module("rehearsal.account.names")
        names.start("127.0.0.1", settings.DNS_PORT, route53.in_sync_records)
    else:
        _log.warning("rehearsal.account.names does not exist: no name server")


def _exists(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


if __name__ == "__main__":
    main()
