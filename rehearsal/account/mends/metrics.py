"""CloudWatch seen through the time factor: what happened S real seconds ago happened S x pace AWS seconds ago.

Handlers ask with real clocks for "the last five minutes in one-minute periods"; at a pace of 60 these are the last five
real seconds, in periods of one. Points keep their real time; a reader's view of them is stretched around now.
Alarms are evaluated once per AWS minute; ministack does so at PutMetricData only.
"""

import contextvars
import logging
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

from ministack.services import cloudwatch

from rehearsal.account.time_factor import pace, scaled

_log = logging.getLogger("crossfade.metrics")
_ALARM_PERIOD_SECONDS = 60
_SHORTEST_PAUSE_SECONDS = 0.25
_stretched: contextvars.ContextVar[bool] = contextvars.ContextVar("crossfade_stretched", default=False)


class _Points:
    """The store of metric points; inside a read its points have AWS times."""

    def __init__(self, store: Any) -> None:
        self._store = store

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    def __getitem__(self, key: Any) -> Any:
        return self._store[key]

    def __setitem__(self, key: Any, points: Any) -> None:
        self._store[key] = points

    def __delitem__(self, key: Any) -> None:
        del self._store[key]

    def items(self) -> Iterator[tuple[Any, Any]]:
        now, rate = time.time(), pace()
        for key, points in list(self._store.items()):
            yield key, _as_seen(points, now, rate) if _stretched.get() else points


def _as_seen(points: list[dict[str, Any]], now: float, rate: float) -> Iterator[dict[str, Any]]:
    """The points with AWS times; computed only for the one metric among hundreds that the reader picks."""
    for point in list(points):
        # `now` itself lies outside of a window that ends now: a point just stored is of the moment before.
        yield {**point, "Timestamp": now - max((now - point["Timestamp"]) * rate, 0.001)}


def apply() -> None:
    """Stretch what readers and alarms see, and evaluate alarms by the clock."""
    cloudwatch._metrics = _Points(cloudwatch._metrics)
    cloudwatch._get_metric_data = _stretch(cloudwatch._get_metric_data)
    cloudwatch._get_metric_statistics = _stretch(cloudwatch._get_metric_statistics)
    cloudwatch._evaluate_alarm = _stretch(cloudwatch._evaluate_alarm)
    threading.Thread(target=_evaluate_alarms, daemon=True, name="crossfade-alarms").start()


def _stretch(read: Callable[..., Any]) -> Callable[..., Any]:
    def stretched(*args: Any, **options: Any) -> Any:
        token = _stretched.set(True)
        try:
            return read(*args, **options)
        finally:
            _stretched.reset(token)

    return stretched


def _evaluate_alarms() -> None:
    while True:
        time.sleep(max(scaled(_ALARM_PERIOD_SECONDS), _SHORTEST_PAUSE_SECONDS))
        try:
            cloudwatch._evaluate_all_alarms()
        except Exception:
            _log.exception("alarms could not be evaluated")
