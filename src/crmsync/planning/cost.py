"""What an apply will cost in API calls, before it runs (design.md, The bound)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import polars as pl

#: A plan older than this is checked against the CRM before each batch; a younger one only where others may write.
STALE_AFTER = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Cost:
    """`calls` = `batches` writes + `reads` read-backs."""

    changes: int
    records: int
    batches: int
    reads: int

    @property
    def calls(self) -> int:
        return self.batches + self.reads

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.changes + other.changes,
            self.records + other.records,
            self.batches + other.batches,
            self.reads + other.reads,
        )


def apply_cost(changes: pl.DataFrame, *, batch_for: Callable[[int], int], aged: bool = False) -> Cost:
    """Calls for these changes: one write per batch of an object's records, and the reads that safety asks.

    `batch_for`: the most records of one write, by how many are to be written in all.
    """
    records = changes.group_by("object", "id").agg(pl.col("shared").any())
    batches = reads = 0
    for (_object,), group in records.group_by("object"):
        size = batch_for(group.height)
        batches += -(-group.height // size)
        checked = group.height if aged else int(group["shared"].sum())
        reads += -(-checked // size)
    return Cost(changes.height, records.height, batches, reads)
