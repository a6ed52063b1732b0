"""SwitchBack, a compensation: the writer moves back to the source in one fenced invocation, or stays on the target."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_driven
from migration.cut_over import move_writer
from migration.cut_over_run import run_of
from migration.cut_over_steps import FINISH_BACK, PREPARE_BACK, STALL_BACK
from migration.direction import switch_back
from migration.ledger import Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"stallMs", "steps", "terminatedSessions", "markerMs", "writer", "at"}.

    Raises SourceBusy, CutOverUndone, FlipIncomplete, CompensationFailed.
    """
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("SwitchBack", event, ledger)
    with run_of(switch_back(plan, ledger), plan, event, ledger) as run:
        return move_writer(run, PREPARE_BACK, STALL_BACK, FINISH_BACK)
