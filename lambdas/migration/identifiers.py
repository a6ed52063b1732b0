"""Quoting for the few statements that take no parameters (DDL, TRUNCATE, GRANT)."""

from __future__ import annotations


def quoted(name: str) -> str:
    """A role, schema or column name: `order items` → `"order items"`. Raises ValueError for what cannot be a name."""
    if not name or "\x00" in name:
        raise ValueError(f"{name!r} cannot be a PostgreSQL identifier")
    return '"' + name.replace('"', '""') + '"'


def qualified(schema: str, name: str) -> str:
    """`public`, `orders` → `"public"."orders"`."""
    return f"{quoted(schema)}.{quoted(name)}"


def text_literal(value: str) -> str:
    """A string constant that means the same whatever standard_conforming_strings says."""
    if "\x00" in value:
        raise ValueError("PostgreSQL text cannot hold a zero byte")
    escaped = value.replace("'", "''")
    return "E'" + escaped.replace("\\", "\\\\") + "'" if "\\" in value else f"'{escaped}'"
