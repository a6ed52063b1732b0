"""`python -m bench.flow_picture`: draws docs/flow.svg, the states of a migration and the ways between them."""

from __future__ import annotations

import html
from itertools import pairwise
from pathlib import Path

PICTURE = Path(__file__).resolve().parents[1] / "docs" / "flow.svg"
WIDTH, HEIGHT = 1180, 620
BOX_WIDTH, BOX_HEIGHT, COLUMN, LEFT = 150, 38, 165, 18
ROWS = (45, 120, 195, 305, 400, 465, 550)  # y of each row of boxes
COLOURS = {
    "check": "#e8f0fe",
    "copy": "#e6f4ea",
    "move": "#fef7e0",
    "cut": "#fce8e6",
    "keep": "#f3e8fd",
    "undo": "#f1f3f4",
    "end": "#ffffff",
}
# State: column, row, kind, note.
STATES: dict[str, tuple[int, int, str, str]] = {
    "IsUndo": (0, 0, "check", "new, or stopped before?"),
    "AssessSource": (1, 0, "check", "changes nothing"),
    "IsDryRun": (2, 0, "check", "plan only?"),
    "ClaimMigration": (3, 0, "check", "one per source"),
    "PrepareSource": (4, 0, "copy", "marker, weights 100/0"),
    "SnapshotSource": (5, 0, "copy", "by ARN"),
    "AwaitSnapshot": (6, 0, "copy", "available"),
    "CreateTarget": (0, 1, "copy", "Serverless v2"),
    "AwaitTarget": (1, 1, "copy", "writer and reader"),
    "StartReplication": (2, 1, "copy", "closed; DMS load + cdc"),
    "AwaitReplication": (3, 1, "copy", "lag + marker"),
    "VerifyData": (4, 1, "check", "every table"),
    "DrillFailover": (5, 1, "check", "timed"),
    "PrepareReverse": (6, 1, "copy", "canary there and back"),
    "ShiftReads": (0, 2, "move", "1·5·10·25·50·100 %"),
    "RequestCutover": (1, 2, "move", "a person decides"),
    "CutOver": (2, 2, "cut", "fence · proof · flip"),
    "FinishCutOver": (3, 2, "cut", "only forward"),
    "Bake": (4, 2, "keep", "7 days, way back open"),
    "Complete": (6, 2, "keep", "DMS retired"),
    "FinishSwitchBack": (3, 3, "cut", "only forward"),
    "SwitchBack": (4, 3, "cut", "fence · proof · flip"),
    "UnfenceTarget": (5, 3, "undo", "SwitchBack failed"),
    "UnfenceSource": (0, 4, "undo", "CutOver failed"),
    "RestoreReads": (1, 4, "undo", "read shift, approval failed"),
    "StopReplication": (2, 4, "undo", "anything earlier failed"),
    "HasSwitchedBack": (3, 4, "undo", "has the target been in use?"),
    "DiscardTarget": (4, 4, "undo", "no: claim released"),
    "MigrationRolledBack": (6, 4, "end", "source writes and reads"),
    "KeepTarget": (4, 5, "undo", "yes: kept, closed"),
    "PlanReady": (5, 6, "end", "end of a dry run"),
    "MigrationRefused": (6, 6, "end", "nothing was changed"),
    "RecallMigration": (0, 6, "undo", "the ledger tells"),
    "HowFar": (1, 6, "undo", "where to go on"),
    "LetWorkEnd": (2, 6, "undo", "10 minutes"),
}
CAPTIONS = (
    (LEFT, 30, "forward: the source is the only writer until CutOver, Aurora from then on"),
    (LEFT + 5 * COLUMN + 85, 262, "the way back: no write is lost"),
    (
        LEFT + COLUMN + 85,
        388,
        "compensations, newest first: whatever fails before Aurora opens leaves the source as it was",
    ),
    (LEFT + 2 * COLUMN + 85, 536, "an execution that was stopped is taken over by another one, {undo: migration id}"),
)
LABELS = (
    (LEFT + 2 * COLUMN + 128, 247, "opened, not published"),
    (LEFT + 4 * COLUMN + 81, 276, "roll back"),
    (LEFT + 3 * COLUMN + 40, 298, "opened, not published"),
    (LEFT + COLUMN, 605, "or SwitchBack, FinishCutOver, UnfenceSource, RestoreReads, Complete"),
    (LEFT + 3 * COLUMN, 560, "Compensations and whatever follows CutOver have"),
    (LEFT + 3 * COLUMN, 575, "no Catch: such a state fails, on-call is told,"),
    (LEFT + 3 * COLUMN, 590, "and a redrive goes on in that very state."),
)
SOLID, DASHED = "", ' stroke-dasharray="4 3"'


def left(name: str) -> int:
    """x of the box's left side."""
    return LEFT + COLUMN * STATES[name][0]


def middle(name: str) -> int:
    """x of the box's middle."""
    return left(name) + BOX_WIDTH // 2


def top(name: str) -> int:
    """y of the box's upper side."""
    return ROWS[STATES[name][1]]


def box(name: str) -> str:
    """A rounded box with name and note."""
    _, _, kind, note = STATES[name]
    x, y, centre = left(name), top(name), middle(name)
    shape = f'<rect x="{x}" y="{y}" width="{BOX_WIDTH}" height="{BOX_HEIGHT}" rx="6"'
    return (
        f'{shape} fill="{COLOURS[kind]}" stroke="#5f6368"/>\n'
        f'<text x="{centre}" y="{y + 16}" text-anchor="middle" font-weight="bold">{name}</text>\n'
        f'<text x="{centre}" y="{y + 31}" text-anchor="middle" font-size="10">{html.escape(note)}</text>'
    )


def path(way: str, style: str = SOLID) -> str:
    """An arrow along an SVG path."""
    return f'<path d="{way}" stroke="#555" fill="none" marker-end="url(#arrow)"{style}/>'


def beside(first: str, second: str, style: str = SOLID) -> str:
    """An arrow between two boxes of one row."""
    start, end = left(first) + BOX_WIDTH, left(second) - 2
    if start > end:
        start, end = left(first), left(second) + BOX_WIDTH + 2
    return path(f"M{start},{top(first) + 19} H{end}", style)


def below(first: str, second: str, at: int, style: str = SOLID) -> str:
    """An arrow from a box down to one of a later row, crossing over at height `at`."""
    way = f"M{middle(first)},{top(first) + BOX_HEIGHT} V{at} H{middle(second)} V{top(second) - 2}"
    return path(way, style)


def arrows() -> list[str]:
    """Every way that is worth a line."""
    rows = [[name for name in STATES if STATES[name][1] == row] for row in range(len(ROWS))]
    chains = [*rows[:2], ["ShiftReads", "RequestCutover", "CutOver"], ["FinishCutOver", "Bake", "Complete"]]
    chains += [rows[4], ["RecallMigration", "HowFar", "LetWorkEnd"]]
    back = middle("UnfenceTarget")
    return [
        *(beside(first, second) for chain in chains for first, second in pairwise(chain)),
        below("AwaitSnapshot", "CreateTarget", 101),
        below("PrepareReverse", "ShiftReads", 176),
        beside("CutOver", "FinishCutOver", DASHED),
        path(f"M{middle('CutOver')},{top('CutOver')} V184 H{middle('Bake')} V{top('Bake') - 2}"),
        below("CutOver", "UnfenceSource", 270, DASHED),
        path(f"M{middle('Bake')},{top('Bake') + BOX_HEIGHT} V{top('SwitchBack') - 2}"),
        beside("SwitchBack", "UnfenceTarget", DASHED),
        path(f"M{back},{top('UnfenceTarget')} V{top('Bake') + 30} H{left('Bake') + BOX_WIDTH + 2}"),
        beside("SwitchBack", "FinishSwitchBack", DASHED),
        below("SwitchBack", "RestoreReads", 362),
        path(f"M{middle('FinishSwitchBack')},{top('FinishSwitchBack') + BOX_HEIGHT} V362 H{middle('RestoreReads')}"),
        path(f"M{middle('HasSwitchedBack')},{top('HasSwitchedBack') + BOX_HEIGHT} V484 H{left('KeepTarget') - 2}"),
        path(f"M{left('KeepTarget') + BOX_WIDTH},484 H{middle('MigrationRolledBack')} V{ROWS[4] + BOX_HEIGHT + 2}"),
        path(f"M{middle('LetWorkEnd')},{top('LetWorkEnd')} V{top('StopReplication') + BOX_HEIGHT + 2}"),
    ]


def picture() -> str:
    """The whole drawing as SVG."""
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}"'
        ' font-family="Helvetica,Arial,sans-serif" font-size="13">\n<title>The states of a migration</title>\n'
        '<defs><marker id="arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0,0 L8,4 L0,8 z" fill="#555"/></marker></defs>\n'
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>'
    )
    captions = [f'<text x="{x}" y="{y}" font-size="12" fill="#444">{text}</text>' for x, y, text in CAPTIONS]
    labels = [f'<text x="{x}" y="{y}" font-size="10.5" fill="#444">{text}</text>' for x, y, text in LABELS]
    return "\n".join([head, *captions, *arrows(), *(box(name) for name in STATES), *labels, "</svg>"]) + "\n"


if __name__ == "__main__":
    PICTURE.write_text(picture(), encoding="utf-8")
