"""The command line of the capacity bench: one question as JSON, and traces replayed."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bench.capacity import main
from bench.capacity_nights import LIMITS, run_nights
from bench.capacity_trace import hindsight, read_trace, score_article, score_constant
from migration.capacity_advice import CapacityPolicy
from migration.capacity_range import first_range
from tests.unit.capacity_samples import NOW, days_of, samples_of


def question(loads: list[float]) -> dict[str, Any]:
    samples = [
        {
            "timestamp": sample.at.isoformat(),
            "capacityAverage": sample.capacity_average,
            "capacityMaximum": sample.capacity_maximum,
            "cpuAverage": sample.cpu_average,
            "cpuMaximum": sample.cpu_maximum,
        }
        for sample in samples_of(loads)
    ]
    limits = {"minAcu": 0.5, "maxAcu": 128}
    return {
        "now": "2026-11-23T02:00:00Z",
        "current": {"minAcu": 0.5, "maxAcu": 64},
        "limits": limits,
        "samples": samples,
    }


def ask(monkeypatch: pytest.MonkeyPatch, text: str) -> int:
    monkeypatch.setattr("sys.stdin", io.StringIO(text))
    return main(["decide"])


def test_decide_answers_in_the_agreed_shape(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, json.dumps(question(days_of(20.0, 7)))) == 0
    answer = json.loads(capsys.readouterr().out)

    assert list(answer) == ["maxAcu", "minAcuByHour", "reason", "verdict"]
    assert (answer["maxAcu"], len(answer["minAcuByHour"]), answer["verdict"]) == (64.0, 24, "provisioned")


def test_decide_abstains_on_points_without_time_or_number(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = question([]) | {"samples": [{}, {"timestamp": "noon"}, {"timestamp": NOW.timestamp(), "cpuAverage": None}]}

    assert ask(monkeypatch, json.dumps(odd)) == 0
    assert json.loads(capsys.readouterr().out)["verdict"] == "unknown"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"now": 1, "samples": [], "current": {}, "limits": {}}'])
def test_decide_refuses_what_is_no_question(
    text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask(monkeypatch, text) == 1
    assert "no question about capacity" in capsys.readouterr().err


def trace_file(folder: Path, values: list[float], name: str = "cpu_of_a_test.csv") -> Path:
    path = folder / name
    stamps = np.datetime64("2026-11-01T00:00") + np.arange(len(values)) * np.timedelta64(5, "m")
    path.write_text("timestamp,value\n" + "\n".join(f"{t},{v}" for t, v in zip(stamps, values, strict=True)))
    return path


def test_a_steady_trace_costs_what_its_load_needs(tmp_path: Path) -> None:
    trace = read_trace(trace_file(tmp_path, [50.0] * 4032), 16.0)

    assert score_constant(trace, 0.5, 128.0).acu_hours == pytest.approx(11.0 * 168)
    article = score_article(trace)
    assert (article.min_acu, article.max_acu) == pytest.approx((5.5, 13.2))
    best = hindsight(trace, (0.005,))[0.005]
    assert (best.max_acu, best.violation_minutes) == (9.5, 0.0)


def test_nights_on_a_steady_trace_change_nothing_and_violate_nothing(tmp_path: Path) -> None:
    trace = read_trace(trace_file(tmp_path, [50.0] * 4032), 16.0)
    nights = run_nights(trace, first_range(16.0, LIMITS), CapacityPolicy())

    assert (len(nights.advice), nights.max_changes) == (7, 0)
    assert nights.score.violation_minutes == 0.0
    assert nights.score.acu_hours == pytest.approx(11.0 * 168)


def test_a_trace_that_is_none_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(trace_file(tmp_path, [1.0] * 10))]) == 1
    assert "14 are needed" in capsys.readouterr().err
    assert main([str(tmp_path / "missing.csv")]) == 1
