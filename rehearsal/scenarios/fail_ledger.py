"""The ledger cannot be written, or is written and does not answer, while the cut-over depends on it."""

from collections.abc import Callable, Mapping
from typing import Any

from rehearsal.checks import faults_struck, writer_soon_back
from rehearsal.light import Scenario, Story

UPDATE = {
    "kind": "api",
    "action": "dynamodb:UpdateItem",
    "principal": "crossfade-cut-over",
    "code": "InternalServerError",
}
ATTEMPTS = 5  # of botocore, as the functions configure it
FAULTS: Mapping[str, Mapping[str, Any]] = {
    "before_the_fence": {"effect": "error", "status": 500, "times": ATTEMPTS},
    "behind_the_fence": {"effect": "error", "status": 500, "skip": 1, "times": ATTEMPTS},
    "written_without_answer": {"effect": "drop-after", "times": ATTEMPTS},
    "result_not_written": {"effect": "error-after", "status": 500, "skip": 1, "times": 2 * ATTEMPTS},
    "throttled": {"effect": "error", "code": "ProvisionedThroughputExceededException", "times": 3 * ATTEMPTS},
}


def story(fault: Mapping[str, Any]) -> Callable[[Story], None]:
    """A migration whose cut-over meets this fault."""

    def tell(it: Story) -> None:
        it.fault(**{**UPDATE, **fault})
        it.start()

    return tell


SCENARIOS = [
    Scenario(
        f"fail_ledger_{name}",
        story(fault),
        ends=("Complete", "MigrationRolledBack"),
        checks=(faults_struck, writer_soon_back),
    )
    for name, fault in FAULTS.items()
]
