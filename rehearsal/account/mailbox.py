"""What SNS sends to `email` subscriptions: an on-call engineer's mailbox that the rehearsal can read.

One message: `{"n", "at", "address", "topic", "subject", "message"}`.
"""

import json
import threading
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TextIO

_messages: list[dict[str, Any]] = []
_lock = threading.Lock()
_file: TextIO | None = None


def keep_in(path: Path) -> None:
    """Also append every message to `path`, one JSON object a line, starting an empty file."""
    global _file
    path.parent.mkdir(parents=True, exist_ok=True)
    _file = path.open("w", encoding="utf-8", buffering=1)


def deliver(address: str, topic: str, subject: str, message: str) -> None:
    """Put one message into the mailbox; `topic` is the ARN it was published to."""
    with _lock:
        at = datetime.now(UTC).isoformat()
        entry = {"n": len(_messages) + 1, "at": at, "address": address, "topic": topic}
        entry |= {"subject": subject, "message": message}
        _messages.append(entry)
        if _file is not None:
            _file.write(json.dumps(entry) + "\n")


def messages(after: int = 0) -> list[dict[str, Any]]:
    """The messages whose `n` is greater than `after`, oldest first."""
    with _lock:
        return _messages[after:]
