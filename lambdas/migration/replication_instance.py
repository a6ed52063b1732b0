"""Which DMS replication instance a migration gets. Pure: what the Region offers in, a class out."""

from __future__ import annotations

import re
from collections.abc import Set

from migration.capacity import instance_size
from migration.errors import MigrationBlocked

# Sorting and caching changes takes memory, so r before c before t (DMS User Guide, "Choosing the right instance").
FAMILIES = ("r", "c", "t")
_CLASS = re.compile(r"dms\.(?P<family>[a-z])(?P<generation>[0-9]+)[a-z]*\.(?P<size>[a-z0-9]+)")


def choose_class(offered: Set[str], source_class: str) -> str:
    """Two vCPU for sources up to four, four up to sixteen, eight above; the newest generation of the best family.

    Raises MigrationBlocked when the Region offers no such size.
    """
    source = instance_size(source_class)
    vcpus = source.vcpus if source else 4
    size = "large" if vcpus <= 4 else "xlarge" if vcpus <= 16 else "2xlarge"
    ranked = sorted(
        (FAMILIES.index(match["family"]), -int(match["generation"]), name)
        for name in offered
        if (match := _CLASS.fullmatch(name)) and match["size"] == size and match["family"] in FAMILIES
    )
    if not ranked:
        raise MigrationBlocked(
            f"DMS offers no replication instance of size {size} in this Region: choose another Region."
        )
    return ranked[0][2]
