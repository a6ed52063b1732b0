"""The first capacity range of a cluster, from the class of the instance it replaces.

An ACU is about 2 GiB of memory with the processor that belongs to it (Aurora User Guide, "Aurora Serverless v2
capacity"); a quarter of a vCPU is a fair rule for that processor. The range leaves twice the source at the top,
because an unused maximum costs nothing, and a quarter of it at the bottom, because scaling up starts from there
(AWS_RULES R4.4). Performance Insights needs 2 ACU (R4.2).
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

GIB_PER_ACU = 2.0
ACU_PER_VCPU = 4.0
FLOOR_ACU = 2.0
CEILING_ACU = 128.0
_CLASS = re.compile(r"db\.(?P<family>[a-z]+)[0-9][a-z0-9-]*\.(?P<size>[a-z0-9-]+?)(?:\.tpc.*)?$")
_BURSTABLE_GIB = {"micro": 1.0, "small": 2.0, "medium": 4.0, "large": 8.0, "xlarge": 16.0, "2xlarge": 32.0}
_VCPUS = {"micro": 2, "small": 2, "medium": 2, "large": 2, "xlarge": 4}
_GIB_PER_VCPU = {"m": 4.0, "r": 8.0, "x": 16.0, "z": 8.0, "c": 2.0}


@dataclass(frozen=True)
class InstanceSize:
    """Memory in GiB and virtual processors."""

    memory_gib: float
    vcpus: int


@dataclass(frozen=True)
class CapacityRange:
    """ACU on the 0.5 grid, and why."""

    min_acu: float
    max_acu: float
    reason: str


def instance_size(instance_class: str) -> InstanceSize | None:
    """`db.r6g.large` → 16 GiB, 2 vCPU, by AWS's naming of families and sizes; None for a class it does not name."""
    match = _CLASS.match(instance_class)
    if not match:
        return None
    family, size = match["family"][0], match["size"]
    multiple = re.fullmatch(r"([0-9]+)xlarge", size)
    vcpus = _VCPUS.get(size) or (int(multiple[1]) * 4 if multiple else None)
    if vcpus is None:
        return None
    memory = _BURSTABLE_GIB.get(size) if family == "t" else _GIB_PER_VCPU.get(family, 0.0) * vcpus
    return InstanceSize(memory, 8 if family == "t" and size == "2xlarge" else vcpus) if memory else None


def first_range(instance_class: str, ceiling_acu: float = CEILING_ACU) -> CapacityRange:
    """The range to start with; the optimizer corrects it later by what it measures."""
    size = instance_size(instance_class)
    if size is None:
        return CapacityRange(FLOOR_ACU, min(32.0, ceiling_acu), f"{instance_class} is not a class whose size is known")
    equal = max(size.memory_gib / GIB_PER_ACU, size.vcpus * ACU_PER_VCPU)
    max_acu = min(max(on_grid(equal * 2), FLOOR_ACU), ceiling_acu)
    min_acu = min(max(on_grid(size.memory_gib / GIB_PER_ACU / 4), FLOOR_ACU), max_acu)
    reason = f"{instance_class} has {size.memory_gib:g} GiB and {size.vcpus} vCPU, about {equal:g} ACU"
    return CapacityRange(min_acu, max_acu, reason)


def on_grid(acu: float) -> float:
    """Up to the next half ACU (AWS_RULES R4.1)."""
    return math.ceil(acu * 2) / 2
