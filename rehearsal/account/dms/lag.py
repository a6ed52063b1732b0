"""How far a task is behind, in seconds, without a marker: by where the source's log stood when."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass


@dataclass(frozen=True)
class Positions:
    """Byte positions in the source's log, at one moment. `sent` and `applied` tell of the target."""

    written: int
    sent: int
    applied: int


class LagMeter:
    """Remembers where the source's log stood, and tells how long ago it stood where the target is now.

    An idle source reads 0, like CDCLatencySource (AWS_RULES R3.4).
    """

    def __init__(self) -> None:
        self._history: deque[tuple[float, int]] = deque(maxlen=100_000)

    def observe(self, now_seconds: float, at: Positions) -> tuple[float, float]:
        """Take one reading; (capture latency, target latency) in seconds. The target's is never the smaller one."""
        if not self._history or at.written > self._history[-1][1]:
            self._history.append((now_seconds, at.written))
        captured = self._age(now_seconds, max(at.sent, at.applied))
        applied = self._age(now_seconds, at.applied)
        while len(self._history) > 1 and self._history[1][1] <= at.applied:
            self._history.popleft()
        return captured, max(captured, applied)

    def _age(self, now_seconds: float, position: int) -> float:
        """How long ago the oldest reading beyond `position` was taken; 0 when there is none."""
        return next((now_seconds - taken for taken, written in self._history if written > position), 0.0)
