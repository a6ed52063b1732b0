"""What the contract tests of the account share."""

import io
import zipfile
from collections.abc import Callable
from typing import Any

PACE = 60.0
Client = Callable[..., Any]


def archive(files: dict[str, str]) -> bytes:
    """A zip archive of `files`, path to text."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as contents:
        for path, text in files.items():
            contents.writestr(path, text)
    return buffer.getvalue()
