"""Table mappings: which tables a task carries.

DMS User Guide, "Selection rules and actions" and "Wildcards in table mapping".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rehearsal.account.dms.faults import invalid_value

_KEYS = {"rule-type", "rule-id", "rule-name", "object-locator", "rule-action", "filters", "load-order"}
_ACTIONS = ("include", "exclude", "explicit")


@dataclass(frozen=True)
class Rule:
    """One selection rule."""

    action: str
    schema: str
    table: str
    load_order: int

    def matches(self, schema: str, table: str) -> bool:
        if self.action == "explicit":
            return (self.schema, self.table) == (schema, table)
        return _pattern(self.schema).fullmatch(schema) is not None and _pattern(self.table).fullmatch(table) is not None


@dataclass(frozen=True)
class Mappings:
    """The selection rules of a task. A table is carried when a rule includes it and none excludes it."""

    rules: tuple[Rule, ...]

    def selects(self, schema: str, table: str) -> bool:
        if table.startswith("awsdms_"):
            return False
        actions = {rule.action for rule in self.rules if rule.matches(schema, table)}
        return "explicit" in actions or ("include" in actions and "exclude" not in actions)

    def load_order(self, schema: str, table: str) -> int:
        """Tables with the higher number are loaded first."""
        return max((rule.load_order for rule in self.rules if rule.matches(schema, table)), default=0)


def parse_mappings(text: str) -> Mappings:
    """Read TableMappings. Raises InvalidParameterValueException that names the rule."""
    try:
        document = json.loads(text)
        entries = document["rules"]
    except (ValueError, TypeError, KeyError) as error:
        raise invalid_value(
            f"Invalid table mappings document: {error!r}. It must be JSON with a list of rules"
        ) from error
    if not isinstance(entries, list) or not entries:
        raise invalid_value("Invalid table mappings document: rules must be a list with at least one selection rule")
    _refuse_duplicates(entries)
    return Mappings(tuple(_rule(entry) for entry in entries))


def _refuse_duplicates(entries: list[Any]) -> None:
    for key in ("rule-id", "rule-name"):
        values = [str(entry.get(key)) if isinstance(entry, dict) else "" for entry in entries]
        repeated = sorted({value for value in values if values.count(value) > 1})
        if repeated:
            raise invalid_value(f"Error in mapping rules. {key} must be unique: {', '.join(repeated)} stands twice")


def _rule(entry: Any) -> Rule:
    if not isinstance(entry, dict):
        raise invalid_value("Error in mapping rules. Every rule must be an object")
    rule_id = entry.get("rule-id")

    def refuse(why: str) -> Exception:
        return invalid_value(f"Error in mapping rules. Rule with ruleId = {rule_id} failed validation. {why}")

    if entry.get("rule-type") in ("transformation", "table-settings"):
        raise refuse(f"The emulated DMS does not carry out {entry['rule-type']} rules")
    if entry.get("rule-type") != "selection":
        raise refuse(f"Invalid rule-type: {entry.get('rule-type')}")
    if not str(rule_id or "").isdigit() or not entry.get("rule-name"):
        raise refuse("rule-id must be numeric and rule-name must be given")
    if set(entry) - _KEYS or entry.get("filters"):
        raise refuse(f"Not carried out by the emulated DMS: {', '.join(sorted(set(entry) - _KEYS)) or 'filters'}")
    if entry.get("rule-action") not in _ACTIONS:
        raise refuse(f"Invalid rule-action: {entry.get('rule-action')}")
    schema, table = _locator(entry.get("object-locator") or {})
    if not schema or not table:
        raise refuse("object-locator must have schema-name and table-name")
    return Rule(entry["rule-action"], schema, table, int(entry.get("load-order", 0)))


def _locator(locator: Mapping[str, Any]) -> tuple[str, str]:
    return str(locator.get("schema-name") or ""), str(locator.get("table-name") or "")


def _pattern(wildcards: str) -> re.Pattern[str]:
    """% is any text, _ one character, [...] a set of characters."""
    parts = re.split(r"(%|_|\[[^\]]+\])", wildcards)
    known = {"%": ".*", "_": "."}
    return re.compile("".join(part if part.startswith("[") else known.get(part, re.escape(part)) for part in parts))
