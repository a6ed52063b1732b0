"""Collects what a verdict is computed from: both databases row by row, journals of the application, calls, history."""

import io
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pg8000.native

from rehearsal import watcher
from rehearsal.verdict import Data, Probe, Request, Row, RowId, Write
from rehearsal.workload import readers, writers
from rehearsal.workload.journal import entries
from rehearsal.workload.schema import IDEMPOTENCY_TABLE

TABLES = """
select c.relname::text,
    array(select a.attname::text from pg_index i
        cross join unnest(i.indkey::int2[]) with ordinality as k(number, place)
        join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.number
        where i.indrelid = c.oid and i.indisprimary order by k.place),
    array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attname in ('last_write', 'writes') and not a.attisdropped)
from pg_class c
where c.relnamespace = to_regnamespace('orders') and c.relkind in ('r', 'p') and not c.relispartition
order by 1
"""


@dataclass(frozen=True)
class Seen:
    """The application's record: its acknowledged writes, all its requests, and the watcher's probes."""

    writes: list[Write]
    write_requests: list[Request]
    read_requests: list[Request]
    probes: list[Probe]


def rows(connection: pg8000.native.Connection) -> dict[RowId, Row]:
    """Every row of every table of the shop, digested by the server."""
    connection.run("set timezone to 'UTC'")
    found: dict[RowId, Row] = {}
    for table, key_columns, columns in connection.run(TABLES):
        for line in _copied(connection, _digest_query(table, key_columns, columns)):
            key, digest, last_write, count = line.split("\t")
            found[table, key] = Row(digest, _or_none(last_write), int(count) if count != "\\N" else None)
    return found


def keys(connection: pg8000.native.Connection) -> dict[str, list[tuple[str, str, str]]]:
    """The idempotency keys of the committed writes, each with the effects that the client stored beside it."""
    return {
        key: effects_of(result or []) for key, result in connection.run(f"select key, result from {IDEMPOTENCY_TABLE}")
    }


def effects_of(recorded: Iterable[Any]) -> list[tuple[str, str, str]]:
    """Effects as recorded (`[table, [key…], kind]`) → (table, key as text, kind)."""
    return [(str(table), "|".join(str(part) for part in key), str(kind)) for table, key, kind in recorded]


def seen(directory: Path) -> Seen:
    """Reads the journals of a run's directory."""
    written, requests = _writes(entries(directory / writers.JOURNAL))
    reads = [
        Request(each["reader"], each["began"], each["ended"], failed=bool(each["error"]))
        for each in entries(directory / readers.JOURNAL)
    ]
    probes = [
        Probe(each["side"], each["began"], each["accepted"], each.get("at", 0.0), each.get("why", ""), each["key"])
        for each in entries(directory / watcher.JOURNAL)
    ]
    return Seen(written, requests, reads, probes)


def data(
    final: pg8000.native.Connection, source: pg8000.native.Connection | None, what: Seen, final_side: str = "target"
) -> Data:
    """Reads the databases after the run. `source` is None when the source stayed the writer."""
    accepted = frozenset(each.key for each in what.probes if each.accepted and each.side == final_side)
    return Data(
        final=rows(final),
        source=rows(source) if source else None,
        final_keys=keys(final),
        source_keys=frozenset(keys(source)) if source else frozenset(),
        writes=what.writes,
        accepted_probes=accepted,
    )


def _writes(journal: Iterable[Mapping[str, Any]]) -> tuple[list[Write], list[Request]]:
    """Acknowledged writes, and every request; one that has only an intent was never answered and counts as failed."""
    intents: dict[str, float] = {}
    written: list[Write] = []
    requests: list[Request] = []
    for entry in journal:
        key, at = entry["key"], float(entry["at"])
        if entry["t"] == "intent":
            intents[key] = at
            continue
        requests.append(Request(key.split(":")[0], intents.pop(key), at, failed=entry["t"] == "failed"))
        if entry["t"] == "ack":
            written.append(Write(key, at, entry["ms"], entry["server"], effects_of(entry["effects"])))
    unanswered = [Request(key.split(":")[0], at, at, failed=True) for key, at in intents.items()]
    return written, requests + unanswered


def _digest_query(table: str, key_columns: list[str], columns: list[str]) -> str:
    name = pg8000.native.identifier
    key = ", ".join(f"t.{name(column)}" for column in key_columns) or "md5(t::text)"
    values = [f"t.{column}" if column in columns else "null" for column in ("last_write", "writes")]
    return f"select concat_ws('|', {key}), md5(t::text), {', '.join(values)} from orders.{name(table)} t"


def _copied(connection: pg8000.native.Connection, query: str) -> list[str]:
    stream = io.BytesIO()
    connection.run(f"copy ({query}) to stdout", stream=stream)
    return stream.getvalue().decode().splitlines()


def _or_none(text: str) -> str | None:
    return None if text == "\\N" else text


def save_json(path: Path, value: Any) -> None:
    """Writes a JSON document people will read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
