"""The account's own endpoints under `/_crossfade/`, for the rehearsal; nothing an AWS client knows of.

`GET health`, `GET calls?after=N`, `GET mailbox?after=N`, `GET names`, `GET pace`, `POST pace {"factor": 600}`.
"""

import json
from typing import Any

from ministack import app

from rehearsal.account import call_record, mailbox, platform
from rehearsal.account.time_factor import pace, set_pace

_PREFIX = "/_crossfade/"
_Answer = tuple[int, Any]


def install() -> None:
    """Answer `/_crossfade/` paths before ministack routes a request."""
    shortcuts = app._handle_post_body_shortcuts

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str) -> Any:
        if not path.startswith(_PREFIX):
            return await shortcuts(method, path, headers, body, query, request_id)
        status, answer = _answer(method, path.removeprefix(_PREFIX), body, query)
        return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    app._handle_post_body_shortcuts = handle


def _answer(method: str, name: str, body: bytes, query: dict[str, list[str]]) -> _Answer:
    if method == "POST" and name == "pace":
        return _change_pace(body)
    after = int(query.get("after", ["0"])[0])
    answers: dict[str, Any] = {
        "health": lambda: {"status": "ok"},
        "pace": lambda: {"factor": pace()},
        "calls": lambda: call_record.calls(after),
        "mailbox": lambda: mailbox.messages(after),
        "names": platform.hosts,
    }
    if method != "GET" or name not in answers:
        return 404, {"error": f"{method} {_PREFIX}{name} is unknown; known: {', '.join(sorted(answers))}"}
    return 200, answers[name]()


def _change_pace(body: bytes) -> _Answer:
    try:
        set_pace(float(json.loads(body)["factor"]))
    except (ValueError, KeyError, TypeError) as error:
        return 400, {"error": f'the body must be {{"factor": <1 to 100000>}}: {error}'}
    return 200, {"factor": pace()}
