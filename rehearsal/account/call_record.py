"""The record of every API call made to the account: who called what, and whether IAM allowed it.

One entry: `{"n", "at", "principal", "service", "action", "resource", "mutating", "allowed", "status", "error"}`.
`principal` is a role's name, or `operator` for the account's own user; `action` has IAM's form, `rds:CreateDBCluster`.
"""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

OPERATOR = "operator"
_READS: tuple[str, ...] = ("Assume", "BatchGet", "Condition", "Describe", "Filter", "Get", "Head", "List", "Lookup")
_READS += ("Query", "Scan", "Search", "Simulate", "TransactGet", "Validate")
# Invoking a function changes nothing by itself: what the function then calls is in the record under its own role.
_HARMLESS = frozenset({"lambda:InvokeFunction", "kms:Decrypt", "iam:PassRole"})
_entries: list[dict[str, Any]] = []
_lock = threading.Lock()
_file: TextIO | None = None


def keep_in(path: Path) -> None:
    """Also append every entry to `path`, one JSON object a line, starting an empty file."""
    global _file
    path.parent.mkdir(parents=True, exist_ok=True)
    _file = path.open("w", encoding="utf-8", buffering=1)


def is_mutating(action: str) -> bool:
    """Whether a call of this IAM action may change the account."""
    return action not in _HARMLESS and not action.partition(":")[2].startswith(_READS)


def record(
    principal: str, action: str, *, allowed: bool, resource: str = "*", status: int = 200, error: str = ""
) -> None:
    """Add one call. `error` is AWS's code, empty for a call that succeeded."""
    with _lock:
        entry = {
            "n": len(_entries) + 1,
            "at": datetime.now(UTC).isoformat(),
            "principal": principal,
            "service": action.partition(":")[0],
            "action": action,
            "resource": resource,
            "mutating": is_mutating(action),
            "allowed": allowed,
            "status": status,
            "error": error,
        }
        _entries.append(entry)
        if _file is not None:
            _file.write(json.dumps(entry) + "\n")


def calls(after: int = 0) -> list[dict[str, Any]]:
    """The entries whose `n` is greater than `after`, oldest first."""
    with _lock:
        return _entries[after:]
