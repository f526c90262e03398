"""What an apply will cost in API calls, before it runs (design.md, The bound)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import polars as pl

#: A plan older than this is checked against the CRM before each batch; a younger one only where others may write.
STALE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Cost:
    """`calls` = `batches` writes + `reads` read-backs, for a CRM that takes `batch_size` records a call."""

    changes: int
    records: int
    batches: int
    reads: int

    @property
    def calls(self) -> int:
        return self.batches + self.reads


def apply_cost(changes: pl.DataFrame, *, batch_size: int, aged: bool = False) -> Cost:
    """Calls for these changes: one write per `batch_size` records of an object, and the reads that safety asks."""
    records = changes.group_by("object", "id").agg(pl.col("shared").any())
    batches = reads = 0
    for (_object,), group in records.group_by("object"):
        batches += -(-group.height // batch_size)
        checked = group.height if aged else int(group["shared"].sum())
        reads += -(-checked // batch_size)
    return Cost(changes.height, records.height, batches, reads)
