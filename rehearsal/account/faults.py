"""The faults a rehearsal has asked for: rules, and who asks whether one strikes now. Safe to ask from any thread.

A rule is a JSON object with a `kind`:

`{"kind": "api", "action": "route53:ChangeResourceRecordSets", "effect": "error", "code": "Throttling"}`: an API call.
    `action` (IAM form) and `principal` (role name, `operator`) may hold `*`; `match` is a part of the request's path or
    body. Effects: `error` (not executed), `error-after` (executed, then answered so), both with `code`, `status`
    (400), `message`; `drop-after` (executed, then the connection is closed); `delay` (`seconds`, real).
`{"kind": "kill", "function": "crossfade-cut-over", "match": "step raiseFence", "and": "<migration id>"}`: SIGKILL of
    the process of a Lambda function when it has logged a line with both texts; `function` may hold `*`.
`{"kind": "event", "name": "snapshot-fails", "match": "<part of the resource's identifier>", ...}`: asked for by the
    emulators; what else the rule says is for them.

Which of the matching moments: the first `skip` are let pass, then `times` are struck (default 1; null: all of them).
With `probability` (and `seed`) each one after `skip` is struck by lot, `times` at most (default: no limit).
"""

import fnmatch
import json
import random
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any

Rule = dict[str, Any]

_NEEDED = {"api": ("action", "effect"), "kill": ("function",), "event": ("name",)}
_COMMON = frozenset({"kind", "match", "skip", "times", "probability", "seed"})
_ALLOWED = {
    "api": _COMMON | {"action", "principal", "effect", "code", "status", "message", "seconds"},
    "kill": _COMMON | {"function", "and"},
}
_EFFECTS = {"error": ("code",), "error-after": ("code",), "drop-after": (), "delay": ("seconds",)}


@dataclass
class _Standing:
    """A rule with its count: moments that matched, and of these the struck ones."""

    id: int
    rule: Rule
    matched: int = 0
    struck: int = 0
    lot: random.Random = field(default_factory=random.Random)

    def strikes(self) -> bool:
        """Whether the rule strikes at this moment, which matches; counts it."""
        self.matched += 1
        chance = self.rule.get("probability")
        times = self.rule.get("times", 1 if chance is None else None)
        if self.matched <= self.rule.get("skip", 0) or (times is not None and self.struck >= times):
            return False
        if chance is not None and self.lot.random() >= chance:
            return False
        self.struck += 1
        return True

    def shown(self) -> Rule:
        return self.rule | {"id": self.id, "matched": self.matched, "struck": self.struck}


_lock = threading.Lock()
_rules: list[_Standing] = []
_ids = count(1)
_kill_points: Path | None = None


def keep_kill_points_in(path: Path) -> None:
    """Keep in this file, while there are any, the texts of the `kill` rules: where the processes have to hold still."""
    global _kill_points
    _kill_points = path
    with _lock:
        _write_kill_points()


def add(rules: Any) -> list[int]:
    """Add rules, all or none; their ids. Raises ValueError that says what is wrong with which rule."""
    if not isinstance(rules, list) or not all(isinstance(rule, dict) for rule in rules):
        msg = f"the body is {type(rules).__name__}: give a list of rules, each an object with a kind"
        raise ValueError(msg)
    for index, rule in enumerate(rules):
        if problem := _problem(rule):
            msg = f"rule {index}: {problem}"
            raise ValueError(msg)
    with _lock:
        added = [_Standing(next(_ids), dict(rule), lot=random.Random(rule.get("seed"))) for rule in rules]
        _rules.extend(added)
        _write_kill_points()
    return [standing.id for standing in added]


def listed() -> list[Rule]:
    """Every rule with its `id`, how many moments have `matched` it and how many of them it has `struck`."""
    with _lock:
        return [standing.shown() for standing in _rules]


def clear(rule_id: int | None = None) -> list[int]:
    """Drop one rule, or all of them; the ids dropped."""
    with _lock:
        dropped = [standing.id for standing in _rules if rule_id in (None, standing.id)]
        _rules[:] = [standing for standing in _rules if standing.id not in dropped]
        _write_kill_points()
    return dropped


def take(name: str, subject: str) -> Rule | None:
    """The `event` rule of this name that strikes now, once more counted; `subject` identifies the resource."""
    return _first(lambda rule: _names(rule, name, subject))


def standing(name: str, subject: str) -> Rule | None:
    """An `event` rule of this name that is there, whatever its counts: for states that last while the rule exists."""
    with _lock:
        return next((found.shown() for found in _rules if _names(found.rule, name, subject)), None)


def of_call(action: str, principal: str, request: Callable[[], str]) -> Rule | None:
    """The `api` rule that strikes this call; `request` gives its path and body as text, when a rule wants to know."""

    def matches(rule: Rule) -> bool:
        return (
            rule["kind"] == "api"
            and _like(action, rule["action"])
            and _like(principal, rule.get("principal", "*"))
            and ("match" not in rule or rule["match"] in request())
        )

    return _first(matches)


def of_log_line(function: str, line: str) -> Rule | None:
    """The `kill` rule that strikes when `function` has logged `line`."""

    def matches(rule: Rule) -> bool:
        return rule["kind"] == "kill" and _like(function, rule["function"]) and all(t in line for t in _texts(rule))

    return _first(matches)


def _first(matches: Callable[[Rule], bool]) -> Rule | None:
    with _lock:
        return next((found.shown() for found in _rules if matches(found.rule) and found.strikes()), None)


def _write_kill_points() -> None:
    if _kill_points is None:
        return
    points = [_texts(found.rule) for found in _rules if found.rule["kind"] == "kill"]
    if not points:
        _kill_points.unlink(missing_ok=True)
        return
    partial = _kill_points.with_suffix(".partial")
    partial.write_text(json.dumps(points))
    partial.replace(_kill_points)


def _texts(rule: Rule) -> list[str]:
    return [rule.get("match", ""), rule.get("and", "")]


def _names(rule: Rule, name: str, subject: str) -> bool:
    return bool(rule["kind"] == "event" and rule["name"] == name and rule.get("match", "") in subject)


def _like(text: str, pattern: str) -> bool:
    return fnmatch.fnmatchcase(text, pattern)


def _problem(rule: Mapping[str, Any]) -> str:
    """What is wrong with a rule, or nothing."""
    kind = rule.get("kind")
    if kind not in _NEEDED:
        return f"kind is {kind!r}: it is one of {', '.join(_NEEDED)}"
    needed = _NEEDED[kind]
    if kind == "api":
        if rule.get("effect") not in _EFFECTS:
            return f"effect is {rule.get('effect')!r}: it is one of {', '.join(_EFFECTS)}"
        needed += _EFFECTS[rule["effect"]]
    if missing := [name for name in needed if name not in rule]:
        return f"{', '.join(missing)} is missing"
    if unknown := sorted(rule.keys() - _ALLOWED.get(kind, rule.keys())):
        return f"{', '.join(unknown)} is unknown; a rule of kind {kind} has {', '.join(sorted(_ALLOWED[kind]))}"
    return _wrong_count(rule)


def _wrong_count(rule: Mapping[str, Any]) -> str:
    for name in ("skip", "times"):
        value = rule.get(name)
        if value is not None and (not isinstance(value, int) or value < 0):
            return f"{name} is {value!r}: give a whole number from 0"
    chance = rule.get("probability", 1)
    if not isinstance(chance, int | float) or not 0 <= chance <= 1:
        return f"probability is {chance!r}: give a number from 0 to 1"
    return ""
