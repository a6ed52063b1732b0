"""Serverless v2 or a provisioned instance: both monthly bills, and which is the smaller.

The table is the offline fallback (AWS_RULES R4.5: us-east-1, November 2026); pass the Pricing API's prices if
there are any.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from migration.scaling_model import Floats

HOURS_PER_MONTH = 730.0
FALLBACK_PRICES_AS_OF = "2026-11"
_CLASSES = (
    ("db.r7g.large", 8.0),
    ("db.r7g.xlarge", 16.0),
    ("db.r7g.2xlarge", 32.0),
    ("db.r7g.4xlarge", 64.0),
    ("db.r7g.8xlarge", 128.0),
    ("db.r7g.12xlarge", 192.0),
    ("db.r7g.16xlarge", 256.0),
)


@dataclass(frozen=True)
class Prices:
    """Dollars an hour: per ACU, and per ACU-equivalent (2 GiB) of a provisioned instance."""

    acu_hour: float = 0.12
    provisioned_acu_hour: float = 0.0345
    as_of: str = FALLBACK_PRICES_AS_OF


@dataclass(frozen=True)
class Verdict:
    """Dollars a month for the whole cluster, compute only."""

    choice: Literal["serverless", "provisioned"]
    serverless_monthly: float
    provisioned_monthly: float
    provisioned_class: str

    def __str__(self) -> str:
        return (
            f"{self.choice}: Serverless v2 about ${self.serverless_monthly:,.0f} a month, "
            f"{self.provisioned_class} about ${self.provisioned_monthly:,.0f}"
        )


def verdict(
    acu_hours_a_day: float, load_acu: Floats, instances: int, violation_share: float, prices: Prices
) -> Verdict:
    """Compare the advised range with the smallest class that serves `load_acu` (ACU, any shape, of the busiest
    instance) at all but `violation_share` of the time. `acu_hours_a_day` is of the whole cluster."""
    serverless = acu_hours_a_day / 24.0 * HOURS_PER_MONTH * prices.acu_hour
    name, size = provisioned_class(float(np.quantile(load_acu, 1.0 - violation_share)))
    provisioned = instances * size * prices.provisioned_acu_hour * HOURS_PER_MONTH
    choice: Literal["serverless", "provisioned"] = "serverless" if serverless <= provisioned else "provisioned"
    return Verdict(choice, serverless, provisioned, name)


def provisioned_class(needed_acu: float) -> tuple[str, float]:
    """The smallest class with at least `needed_acu` ACU-equivalents (2 % short is no difference), else the largest."""
    return next(((name, size) for name, size in _CLASSES if size * 1.02 >= needed_acu), _CLASSES[-1])
