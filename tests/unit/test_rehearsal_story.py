"""What a run says of itself: stages and messages from the history, progress lines, the report, the approval."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rehearsal import execution, judgement, report
from rehearsal.evidence import Seen, seen
from rehearsal.execution import Stage
from rehearsal.progress import Figures, Progress
from rehearsal.verdict import Data, Probe, Request, Row, Write


def event(number: int, second: int, **details: Any) -> dict[str, Any]:
    return {"id": number, "timestamp": datetime(2026, 11, 23, 20, 0, second, tzinfo=UTC), **details}


def test_stages_come_from_entered_and_exited_events() -> None:
    history = [
        event(1, 0, stateEnteredEventDetails={"name": "CutOver"}),
        event(2, 3, stateExitedEventDetails={"name": "CutOver"}),
        event(3, 3, stateEnteredEventDetails={"name": "Bake"}),
    ]
    first, second = execution.stages(history)
    assert (first.name, (first.left or 0) - first.entered) == ("CutOver", 3.0)
    assert (second.name, second.left) == ("Bake", None)


def test_progress_messages_are_the_error_and_its_text() -> None:
    details = {"error": "SnapshotNotReady", "cause": json.dumps({"errorMessage": "snapshot s: 40 %"})}
    assert execution.message(event(1, 0, taskFailedEventDetails=details)) == "SnapshotNotReady: snapshot s: 40 %"
    assert execution.message(event(2, 0)) is None


def test_progress_on_a_file_is_plain_lines_and_says_a_message_once() -> None:
    out = io.StringIO()
    progress = Progress(out)
    progress.state("AwaitTarget")
    for _ in range(3):
        progress.message("TargetNotReady: creating")
    progress.figures(Figures({"perSecond": 350, "done": 10}, {}, 25))
    text = out.getvalue()
    assert text.count("TargetNotReady: creating") == 1
    assert "350 writes/s" in text
    assert "reader 25 % on target" in text
    assert "\x1b" not in text


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_progress_on_a_terminal_redraws_its_lines() -> None:
    out = Terminal()
    progress = Progress(out)
    progress.state("AwaitTarget")
    progress.figures(Figures({"perSecond": 350}))
    progress.close()
    assert out.getvalue().endswith("\x1b[2F\x1b[J")


def a_run() -> tuple[judgement.Run, Data, Seen]:
    stages = [Stage("DrillFailover", 1.0, 3.0), Stage("CutOver", 10.0, 11.0), Stage("Bake", 11.0, 12.0)]
    calls: list[dict[str, Any]] = [{"principal": "a-role", "action": "rds:X", "allowed": False}, {"allowed": True}]
    run = judgement.Run("happy_path", "SUCCEEDED", 0.0, 20.0, stages, 99, calls, ["approve"])
    writes = [Write("w0:1", 9.9, 3.0, "old", []), Write("w0:2", 10.4, 500.0, "new", [])]
    written = [Request("w0", 9.8, 9.9), Request("w0", 9.9, 10.4)]
    reads = [Request("r0", at, at + 0.01) for at in (0.5, 2.5, 3.5, 3.9)]
    probes = [Probe("target", 5.0, accepted=False, at=0.0, why="25006"), Probe("target", 10.4, accepted=True, at=10.4)]
    keys = {("idempotency_key", "w0:1"): Row("k"), ("idempotency_key", "w0:2"): Row("k")}
    source = {("idempotency_key", "w0:1"): Row("k")}
    data = Data(keys, source, {"w0:1": [], "w0:2": []}, frozenset({"w0:1"}), writes)
    return run, data, Seen(writes, written, reads, probes)


def test_the_verdict_has_the_shape_of_the_design() -> None:
    judged = judgement.judge(*a_run())
    assert judged["writes"] == {"acknowledged": 2, "lost": 0, "duplicated": 0, "diverged_rows": 0}
    assert judged["requests"] == {"total": 6, "failed": 0}
    assert judged["write_stall_ms"] == {"p50": 500.0, "max": 500.0, "longest_gap": 500.0}
    assert judged["read_stall_ms"] == {"max": 400.0}
    assert (judged["two_writers_ms"], judged["history_events"]) == (0.0, 99)
    assert judged["denied_calls"] == ["a-role: rds:X"]
    assert judged["target_closed_after_s"] == 5.0


def test_the_report_says_what_was_broken_and_draws_the_run(tmp_path: Path) -> None:
    run, data, what = a_run()
    page = report.write(tmp_path, judgement.judge(run, data, what), what).read_text(encoding="utf-8")
    assert "**Broken promises:** 1 calls denied." in page
    assert "| CutOver | 1.0 |" in page
    assert (tmp_path / "requests.png").stat().st_size > 1000


def test_a_request_without_an_end_counts_as_failed_and_a_torn_line_is_left_out(tmp_path: Path) -> None:
    lines = [
        {"t": "intent", "key": "w0:1", "at": 1.0},
        {"t": "ack", "key": "w0:1", "at": 1.5, "ms": 500.0, "server": "a", "effects": [["purchase", [7], "insert"]]},
        {"t": "intent", "key": "w0:2", "at": 2.0},
    ]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    (tmp_path / "writes.jsonl").write_text(text + '{"t":"ack","key":"w0', encoding="utf-8")
    (tmp_path / "reads.jsonl").touch()
    (tmp_path / "watch.jsonl").touch()
    what = seen(tmp_path)
    assert what.writes[0].effects == [("purchase", "7", "insert")]
    assert [(each.caller, each.failed) for each in what.write_requests] == [("w0", False), ("w0", True)]
