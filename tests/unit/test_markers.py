"""A marker's passage, with a clock that is turned by hand."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from migration.markers import send_marker


class Side:
    """A database of which only the marker table matters; the target shows rows after `delay` questions."""

    def __init__(self, delay: int = 0) -> None:
        self.rows_written: list[str] = []
        self.delay = delay

    def execute(self, sql: str, **parameters: Any) -> int:
        self.rows_written.append(parameters["id"])
        return 1

    def value(self, sql: str, **parameters: Any) -> Any:
        self.delay -= 1
        return self.delay < 0

    def rows(self, sql: str, **parameters: Any) -> list[list[Any]]:
        return []

    def transaction(self) -> AbstractContextManager[None]:
        return nullcontext()


class Clock:
    """Sleeping is what makes time pass."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_marker_that_arrives_is_timed() -> None:
    clock, source = Clock(), Side()
    passage = send_marker(source, Side(delay=5), "m-1", 10.0, clock, clock.sleep)
    assert source.rows_written == ["m-1"]
    assert passage.seconds == 0.1


def test_a_marker_that_does_not_arrive_is_given_up_at_the_limit() -> None:
    clock = Clock()
    assert send_marker(Side(), Side(delay=10_000), "m-1", 2.0, clock, clock.sleep).seconds is None
    assert 2.0 < clock.now < 2.1
