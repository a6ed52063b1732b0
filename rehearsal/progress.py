"""What is happening now: a few lines that stay in place on a terminal, one plain line per news anywhere else."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TextIO

PLAIN_PERIOD_SECONDS = 5.0


@dataclass(frozen=True)
class Figures:
    """The live figures of one moment. `reader_weight` in percent to the target; None: not known (yet)."""

    writes: Mapping[str, Any] = field(default_factory=dict)
    reads: Mapping[str, Any] = field(default_factory=dict)
    reader_weight: int | None = None
    lag_seconds: float | None = None

    def text(self) -> str:
        """One line: requests per second, longest gap, retries, reader weight, lag."""
        writes, reads = self.writes, self.reads
        done, failed, retries = (writes.get(name, 0) for name in ("done", "failed", "retries"))
        stall, longest = writes.get("currentGapMs", 0), writes.get("longestGapMs", 0)
        parts = [
            f"{writes.get('perSecond', 0)} writes/s ({done} acknowledged, {failed} failed, {retries} retries)",
            f"{reads.get('perSecond', 0)} reads/s ({reads.get('failed', 0)} failed)",
            f"stall now {stall:.0f} ms, longest {longest:.0f} ms",
        ]
        if self.reader_weight is not None:
            parts.append(f"reader {self.reader_weight} % on target")
        if self.lag_seconds is not None:
            parts.append(f"lag {self.lag_seconds:.1f} s")
        return " · ".join(parts)


class Progress:
    """Shows a run. On a terminal the current state, its message and the figures are redrawn in place."""

    def __init__(self, out: TextIO = sys.stdout) -> None:
        self._out = out
        self._live = out.isatty()
        self._began = time.monotonic()
        self._state, self._message = "", ""
        self._figures = Figures()
        self._drawn = 0
        self._last_plain = 0.0

    def say(self, text: str) -> None:
        """A line that stays."""
        self._erase()
        self._out.write(f"{self._elapsed()}  {text}\n")
        self._draw()
        self._out.flush()

    def state(self, name: str) -> None:
        """The execution entered a state."""
        self._state, self._message = name, ""
        self.say(f"▸ {name}")

    def message(self, text: str) -> None:
        """Why a state is not through yet; shown once while it stays the same."""
        if text == self._message:
            return
        self._message = text
        if self._live:
            self.figures(self._figures)
        else:
            self.say(f"  {text}")

    def figures(self, figures: Figures) -> None:
        """The figures of now."""
        self._figures = figures
        if self._live:
            self._erase()
            self._draw()
            self._out.flush()
        elif figures.writes and time.monotonic() - self._last_plain >= PLAIN_PERIOD_SECONDS:
            self._last_plain = time.monotonic()
            self.say(f"  {figures.text()}")

    def close(self) -> None:
        """Removes the lines that are redrawn."""
        self._erase()
        self._out.flush()
        self._live = False

    def _draw(self) -> None:
        if not self._live or not self._state:
            return
        lines = [f"   {self._state}: {self._message}"[:118], f"   {self._figures.text()}"[:160]]
        self._out.write("\n".join(lines) + "\n")
        self._drawn = len(lines)

    def _erase(self) -> None:
        if self._drawn:
            self._out.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0

    def _elapsed(self) -> str:
        return f"{time.monotonic() - self._began:6.1f} s"
