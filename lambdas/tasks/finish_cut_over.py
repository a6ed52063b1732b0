"""FinishCutOver: the target, open already, is published as the writer. Only forward."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from migration import clients
from migration.begin import begin_driven
from migration.cut_over import finish_move
from migration.cut_over_run import run_of
from migration.cut_over_steps import FINISH
from migration.direction import CUT_OVER
from migration.ledger import Ledger


def handler(event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Returns what CutOver does. Raises FlipIncomplete, and StateDrifted when the target is not open."""
    ledger = Ledger(clients.dynamodb(), os.environ["CROSSFADE_TABLE"])
    plan = begin_driven("FinishCutOver", event, ledger)
    with run_of(CUT_OVER, plan, event, ledger) as run:
        return finish_move(run, FINISH)
