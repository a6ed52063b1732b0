"""`python -m bench.capacity TRACE.csv … --source-acu 64 [--plot out.png]`, `python -m bench.capacity decide < in.json`.

The first replays nights in closed loop and prints the article's range, a wide one, ours and the cheapest constant range
found in hindsight side by side. The second prints one advice for one JSON object (`bench.capacity_decision`).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lambdas"))  # the product's asset root

from bench.capacity_decision import decide
from bench.capacity_report import Comparison, compare, summary, table


def main(arguments: list[str]) -> int:
    """Exit status 1 with one sentence for input that cannot be used."""
    if arguments[:1] == ["decide"]:
        return _decide()
    parser = argparse.ArgumentParser(prog="python -m bench.capacity", description=__doc__)
    parser.add_argument("traces", nargs="+", type=Path, metavar="TRACE.csv")
    parser.add_argument("--source-acu", type=float, default=64.0, help="size of the source, 2 GiB of memory = 1 ACU")
    parser.add_argument("--plot", type=Path, help="PNG of the last trace: load, capacity and min over the scored week")
    parser.add_argument("--json", action="store_true", help="one JSON object per trace instead of the table")
    chosen = parser.parse_args(arguments)
    comparisons: list[Comparison] = []
    for path in chosen.traces:
        try:
            comparisons.append(compare(path, chosen.source_acu))
        except (OSError, ValueError, KeyError) as error:
            return _refuse(f"{path} is no trace of timestamp,value rows: {error}")
        print(json.dumps(comparisons[-1].as_json()) if chosen.json else table(comparisons[-1]), flush=True)
    if len(comparisons) > 1 and not chosen.json:
        print(summary(comparisons))
    if chosen.plot:
        from bench.capacity_plot import draw

        draw(comparisons[-1], chosen.plot)
    return 0


def _decide() -> int:
    try:
        question: dict[str, Any] = json.load(sys.stdin)
        print(json.dumps(decide(question), allow_nan=False))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        return _refuse(f"standard input is no question about capacity ({type(error).__name__}: {error})")
    return 0


def _refuse(sentence: str) -> int:
    print(sentence, file=sys.stderr)
    return 1


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
