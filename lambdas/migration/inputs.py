"""The execution's input, validated before anything is touched. Every problem is one clear sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from migration.errors import MigrationBlocked
from migration.model import Options, ReadShift

KEYS = frozenset({"source", "mode", "approval", "readShift", "bakeDays", "maxLagSeconds", "stallBudgetMs", "target"})
READ_SHIFT_KEYS = frozenset({"steps", "intervalMinutes"})
TARGET_KEYS = frozenset({"clusterId", "engineVersion", "minAcu", "maxAcu", "backupRetentionDays"})
CLUSTER_ID = re.compile(r"[a-z](?:[a-z0-9]|-(?!-)){0,59}(?<!-)")
SOURCE_NAME = re.compile(r"[a-z](?:[a-z0-9]|-(?!-))*(?<!-)")
READ_SHIFT_LIMIT_MINUTES = 6 * 24 * 60  # one day less than ShiftReads' TimeoutSeconds


@dataclass(frozen=True)
class TargetOverrides:
    """What the operator asked for instead of the plan's own choice."""

    cluster_id: str | None = None
    engine_version: str | None = None
    min_acu: float | None = None
    max_acu: float | None = None
    backup_retention_days: int | None = None


@dataclass(frozen=True)
class MigrationInput:
    """`{"source": "orders-db"}` and what may stand beside it."""

    source: str
    options: Options
    target: TargetOverrides


def parse_input(value: Any) -> MigrationInput:
    """Raises MigrationBlocked with every problem found, one sentence each."""
    problems = _Problems()
    given = problems.object("the input", value, KEYS)
    source = given.get("source")
    if not isinstance(source, str) or not SOURCE_NAME.fullmatch(source):
        problems.add('source is missing or not a name: give one of cdk.json, as {"source": "orders-db"}.')
    parsed = MigrationInput(str(source), _options(problems, given), _target(problems, given.get("target", {})))
    problems.stop()
    return parsed


def _options(problems: _Problems, given: Mapping[str, Any]) -> Options:
    defaults = Options()
    return Options(
        mode=problems.choice(given, "mode", ("migrate", "dry-run")),
        approval=problems.choice(given, "approval", ("manual", "automatic")),
        read_shift=_read_shift(problems, given.get("readShift", {})),
        bake_days=problems.whole(given, "bakeDays", defaults.bake_days, 0, 30),
        max_lag_seconds=problems.whole(given, "maxLagSeconds", defaults.max_lag_seconds, 1, 300),
        stall_budget_ms=problems.whole(given, "stallBudgetMs", defaults.stall_budget_ms, 500, 60_000),
    )


def _read_shift(problems: _Problems, value: Any) -> ReadShift:
    given = problems.object("readShift", value, READ_SHIFT_KEYS)
    defaults = ReadShift()
    steps = given.get("steps", defaults.steps)
    if not _rises_to_100(steps):
        problems.add(
            f"readShift.steps is {steps}: give whole percentages that rise and end with 100, as [10, 50, 100]."
        )
        steps = defaults.steps
    interval = problems.whole(given, "intervalMinutes", defaults.interval_minutes, 1, 60, "readShift.")
    if len(steps) * interval > READ_SHIFT_LIMIT_MINUTES:
        problems.add("readShift takes more than 6 days: use fewer steps or a shorter intervalMinutes.")
    return ReadShift(list(steps), interval)


def _rises_to_100(steps: Any) -> bool:
    if not isinstance(steps, list) or not steps or not all(_is_whole(step) for step in steps):
        return False
    rising = all(low < high for low, high in zip([0, *steps], steps, strict=False))
    return rising and steps[-1] == 100


def _target(problems: _Problems, value: Any) -> TargetOverrides:
    given = problems.object("target", value, TARGET_KEYS)
    cluster_id = given.get("clusterId")
    if cluster_id is not None and not (isinstance(cluster_id, str) and CLUSTER_ID.fullmatch(cluster_id)):
        problems.add("target.clusterId is no cluster name: use up to 60 lower-case letters, digits and single hyphens.")
    version = given.get("engineVersion")
    if version is not None and not (isinstance(version, str) and re.fullmatch(r"[0-9]+\.[0-9.]+", version)):
        problems.add('target.engineVersion is not a version: give one as "16.8".')
    low, high = problems.capacity(given, "minAcu", 0.5), problems.capacity(given, "maxAcu", 1.0)
    if low is not None and high is not None and low > high:
        problems.add(f"target.minAcu {low:g} is above target.maxAcu {high:g}: exchange or correct them.")
    days = problems.whole(given, "backupRetentionDays", 7, 1, 35, "target.")
    return TargetOverrides(cluster_id, version, low, high, days if "backupRetentionDays" in given else None)


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


class _Problems:
    """Collects sentences, so that an operator corrects everything at once."""

    def __init__(self) -> None:
        self._sentences: list[str] = []

    def add(self, sentence: str) -> None:
        self._sentences.append(sentence)

    def stop(self) -> None:
        if self._sentences:
            raise MigrationBlocked(" ".join(self._sentences))

    def object(self, where: str, value: Any, known: frozenset[str]) -> Mapping[str, Any]:
        if not isinstance(value, dict):
            self.add(f"{where} must be a JSON object: see docs/inputs/.")
            return {}
        unknown = sorted(set(value) - known)
        if unknown:
            self.add(f"{where} has unknown keys {', '.join(unknown)}: the known ones are {', '.join(sorted(known))}.")
        return value

    def choice(self, given: Mapping[str, Any], key: str, choices: tuple[str, ...]) -> str:
        value = given.get(key, choices[0])
        if value not in choices:
            self.add(f"{key} is {value!r}: give {' or '.join(choices)}.")
        return str(value)

    def whole(self, given: Mapping[str, Any], key: str, default: int, low: int, high: int, where: str = "") -> int:
        value = given.get(key, default)
        if _is_whole(value) and low <= value <= high:
            return int(value)
        self.add(f"{where}{key} is {value!r}: give a whole number from {low} to {high}.")
        return default

    def capacity(self, given: Mapping[str, Any], key: str, low: float) -> float | None:
        value = given.get(key)
        if value is None:
            return None
        number = isinstance(value, (int, float)) and not isinstance(value, bool)
        if number and low <= value <= 256 and value * 2 == int(value * 2):
            return float(value)
        self.add(f"target.{key} is {value!r}: give ACU from {low:g} to 256 in steps of 0.5.")
        return None
