"""CutOver: the writer moves to the target in one fenced invocation, or stays where it is."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_forward
from migration.cut_over import move_writer
from migration.cut_over_run import run_of
from migration.cut_over_steps import FINISH, PREPARE, STALL
from migration.direction import CUT_OVER
from migration.ledger import Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns {"stallMs", "steps", "terminatedSessions", "markerMs", "targetPosition", "writer", "at"}.

    Raises SourceBusy, AbortRequested, CutOverUndone, FlipIncomplete, CompensationFailed.
    """
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_forward("CutOver", event, ledger)
    with run_of(CUT_OVER, plan, event, ledger) as run:
        return move_writer(run, PREPARE, STALL, FINISH)
