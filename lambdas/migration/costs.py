"""What a migration has cost beside the source, estimated from list prices. Pure.

The prices are kept by hand and not asked of the Pricing API: an order of magnitude for the person who watches.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

PRICES_AS_OF = "2026-11"
ACU_HOUR = 0.12  # AWS_RULES R4.5, Aurora Standard
# On-demand, one Availability Zone; the classes that replication_instance.choose_class knows.
REPLICATION_HOUR = {
    "dms.t3.large": 0.146,
    "dms.t3.xlarge": 0.292,
    "dms.t3.2xlarge": 0.584,
    "dms.c5.large": 0.154,
    "dms.c5.xlarge": 0.308,
    "dms.c5.2xlarge": 0.616,
    "dms.c6i.large": 0.154,
    "dms.c6i.xlarge": 0.308,
    "dms.c6i.2xlarge": 0.616,
    "dms.r5.large": 0.211,
    "dms.r5.xlarge": 0.422,
    "dms.r5.2xlarge": 0.844,
    "dms.r6i.large": 0.211,
    "dms.r6i.xlarge": 0.422,
    "dms.r6i.2xlarge": 0.844,
}
TARGET_INSTANCES = 2


@dataclass(frozen=True)
class Estimate:
    """Dollars from `at_least`, all instances at their smallest capacity, to `at_most`, all at their largest."""

    hours: float
    at_least_usd: float
    at_most_usd: float
    assumptions: list[str]


def estimate(began: datetime, until: datetime, replication_class: str, min_acu: float, max_acu: float) -> Estimate:
    """From the claim of the source on, as if DMS and both instances of the target had run all the time."""
    hours = max(0.0, (until - began).total_seconds() / 3600)
    replication = REPLICATION_HOUR.get(replication_class)
    assumptions = [
        f"list prices of us-east-1, {PRICES_AS_OF}: ${ACU_HOUR:.2f} an ACU-hour, "
        + (f"${replication:.3f} an hour of {replication_class}" if replication else f"{replication_class} not counted"),
        f"{TARGET_INSTANCES} target instances at {min_acu:g} ACU each (at least) or {max_acu:g} ACU each (at most)",
        "counted from the claim of the source, as if everything had been there since",
        "not counted: storage, I/O, snapshots, data transfer, Lambda, and the source itself",
    ]
    low, high = (hours * ((replication or 0.0) + TARGET_INSTANCES * acu * ACU_HOUR) for acu in (min_acu, max_acu))
    return Estimate(round(hours, 1), round(low, 2), round(high, 2), assumptions)
