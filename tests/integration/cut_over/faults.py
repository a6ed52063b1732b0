"""Failures and deaths of a cut-over, put into its steps."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migration.cut_over_run import CutOverRun, Step
from migration.database import Database

TOUCHED = ("old", "new", "ledger", "records", "parameters", "sides")


class Boom(Exception):
    """Something nobody foresaw."""


class Killed(BaseException):
    """The process died here: nothing of it runs any more, so no handler may catch this."""


@dataclass(frozen=True)
class Fault:
    """`before` the step, `after` it, or `in` it: its first call to a database or to AWS is done, its answer is lost."""

    step: str
    when: str
    kind: type[BaseException] = Boom

    def put_into(self, steps: Sequence[Step]) -> tuple[Step, ...]:
        """The same steps, one of which fails."""
        return tuple(
            dataclasses.replace(step, do=self._failing(step)) if step.name == self.step else step for step in steps
        )

    def _failing(self, step: Step) -> Any:
        def do(run: CutOverRun) -> None:
            if self.when == "before":
                raise self.kind(f"{self.when} {self.step}")
            if self.when == "in":
                self._lose_first_answer(step, run)
            else:
                step.do(run)
            raise self.kind(f"{self.when} {self.step}")

        return do

    def _lose_first_answer(self, step: Step, run: CutOverRun) -> None:
        kept = {name: getattr(run, name) for name in TOUCHED}
        for name, real in kept.items():
            setattr(run, name, _Deaf(real, self))
        try:
            step.do(run)
        finally:
            for name, real in kept.items():
                setattr(run, name, real)


class _Deaf:
    """Does what it is asked and loses the answer."""

    def __init__(self, real: Any, fault: Fault) -> None:
        self._real, self._fault = real, fault

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._real, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            answer = found(*arguments, **options)
            if isinstance(answer, Database):
                answer.close()  # a session that nobody got
            raise self._fault.kind(f"in {self._fault.step}: the answer to {name} was lost")

        return call
