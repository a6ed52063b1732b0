"""Which Aurora PostgreSQL version the source can become: read from RDS, never from a list of ours (AWS_RULES R1.6)."""

from __future__ import annotations

from dataclasses import dataclass

from migration.errors import MigrationBlocked


@dataclass(frozen=True)
class EngineVersion:
    """A version RDS offers with Serverless v2. Capacities in ACU."""

    version: str
    parameter_group_family: str
    min_acu: float
    max_acu: float


def eligible(source_version: str, offered: list[EngineVersion]) -> list[EngineVersion]:
    """Versions of the source's major line that are not older than it (AWS_RULES R1.5), oldest first."""
    source = numbers(source_version)
    same_line = [item for item in offered if numbers(item.version)[0] == source[0] and numbers(item.version) >= source]
    return sorted(same_line, key=lambda item: numbers(item.version))


def choose(source_version: str, offered: list[EngineVersion], wanted: str | None) -> EngineVersion:
    """The newest eligible version, or the operator's. Raises MigrationBlocked when there is none."""
    candidates = eligible(source_version, offered)
    if not candidates:
        raise MigrationBlocked(
            f"PostgreSQL {source_version} cannot become Aurora Serverless v2: RDS offers no Aurora PostgreSQL"
            f" {numbers(source_version)[0]}.x of its minor version or newer with db.serverless: upgrade it first."
        )
    if wanted is None:
        return candidates[-1]
    chosen = next((item for item in candidates if item.version == wanted), None)
    if chosen is None:
        raise MigrationBlocked(
            f"target.engineVersion {wanted} cannot take PostgreSQL {source_version}:"
            f" choose one of {', '.join(item.version for item in candidates)}."
        )
    return chosen


def numbers(version: str) -> tuple[int, ...]:
    """`16.8` → (16, 8)."""
    return tuple(int(part) for part in version.split(".") if part.isdigit())
