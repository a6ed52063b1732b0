"""The account's own endpoints under `/_crossfade/`, for the rehearsal; nothing an AWS client knows of.

`GET health`, `GET calls?after=N`, `GET mailbox?after=N`, `GET names`, `GET pace`, `POST pace {"factor": 600}`,
`GET faults`, `POST faults [<rule>, ...]`, `DELETE faults[?id=N]` (see faults.py), `POST crash {"instance": "<id>"}`.
"""

import asyncio
import importlib
import json
from collections.abc import Callable
from typing import Any

from ministack import app

from rehearsal.account import call_record, faults, mailbox, platform
from rehearsal.account.time_factor import pace, set_pace

_PREFIX = "/_crossfade/"
_Query = dict[str, list[str]]


def install() -> None:
    """Answer `/_crossfade/` paths before ministack routes a request."""
    shortcuts = app._handle_post_body_shortcuts

    async def handle(method: str, path: str, headers: Any, body: bytes, query: Any, request_id: str) -> Any:
        if not path.startswith(_PREFIX):
            return await shortcuts(method, path, headers, body, query, request_id)
        status, answer = await asyncio.to_thread(_answer, method, path.removeprefix(_PREFIX), body, query)
        return status, {"Content-Type": "application/json"}, json.dumps(answer).encode()

    app._handle_post_body_shortcuts = handle


def _answer(method: str, name: str, body: bytes, query: _Query) -> tuple[int, Any]:
    endpoint = _ENDPOINTS.get((method, name))
    if endpoint is None:
        known = ", ".join(f"{method} {name}" for method, name in _ENDPOINTS)
        return 404, {"error": f"{method} {_PREFIX}{name} is unknown; known: {known}"}
    try:
        return 200, endpoint(json.loads(body or b"null"), query)
    except (ValueError, KeyError, TypeError) as error:
        return 400, {"error": str(error)}


def _after(query: _Query) -> int:
    return int(query.get("after", ["0"])[0])


def _change_pace(body: Any, _query: _Query) -> Any:
    try:
        set_pace(float(body["factor"]))
    except (ValueError, KeyError, TypeError) as error:
        msg = f'the body must be {{"factor": <1 to 100000>}}: {error}'
        raise ValueError(msg) from error
    return {"factor": pace()}


def _drop_faults(_body: Any, query: _Query) -> Any:
    return faults.clear(int(query["id"][0]) if "id" in query else None)


def _crash(body: Any, _query: _Query) -> Any:
    """Kill a database server as a failing host does; the emulated RDS brings it up again."""
    importlib.import_module("rehearsal.account.rds.crash").crash(str(body["instance"]))
    return {"crashed": body["instance"]}


_ENDPOINTS: dict[tuple[str, str], Callable[[Any, _Query], Any]] = {
    ("GET", "health"): lambda _body, _query: {"status": "ok"},
    ("GET", "calls"): lambda _body, query: call_record.calls(_after(query)),
    ("GET", "mailbox"): lambda _body, query: mailbox.messages(_after(query)),
    ("GET", "names"): lambda _body, _query: platform.hosts(),
    ("GET", "pace"): lambda _body, _query: {"factor": pace()},
    ("POST", "pace"): _change_pace,
    ("GET", "faults"): lambda _body, _query: faults.listed(),
    ("POST", "faults"): lambda body, _query: faults.add(body),
    ("DELETE", "faults"): _drop_faults,
    ("POST", "crash"): _crash,
}
