"""After a process died: what became of the batches that were sent and never settled.

They are read back, never blindly repeated: a change that is in place is settled as applied, one that still shows its
old value is free to be sent again, anything else was changed by somebody since.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmsync.connectors.base import ReadBack
from crmsync.engine.context import Context
from crmsync.engine.values import same_values
from crmsync.model.fields import ObjectName
from crmsync.model.plan import OutcomeStatus
from crmsync.store import Batch, ChangeOutcome


def recover(ctx: Context) -> int:
    """Settle every unsettled batch of the portal by reading it back. Returns how many batches there were."""
    batches = ctx.store.checkpoint.unsettled(portal=ctx.portal.name)
    for batch in batches:
        outcomes = _read_back(ctx, batch)
        ctx.store.checkpoint.settle(batch.run_id, batch.plan_id, batch.batch_no, outcomes, ctx.now())
    return len(batches)


def _read_back(ctx: Context, batch: Batch) -> list[ChangeOutcome]:
    outcomes: list[ChangeOutcome] = []
    for (object_,), changes in batch.changes.group_by("object", maintain_order=True):
        ids = changes["id"].unique(maintain_order=True).to_list()
        properties = changes["property"].unique(maintain_order=True).to_list()
        found = read_back(ctx, str(object_), ids, properties)  # type: ignore[arg-type]  # CHANGE_SCHEMA object
        now = [found.values.get(id_, {}).get(name) for id_, name in changes.select("id", "property").rows()]
        changes = changes.with_columns(pl.Series("now", now, dtype=pl.String))
        changes = changes.with_columns(
            same_values(ctx, changes, "now", "after").alias("landed"),
            same_values(ctx, changes, "now", "before").alias("untouched"),
        )
        outcomes += [_settle(change, found) for change in changes.iter_rows(named=True)]
    return outcomes


def read_back(ctx: Context, object_: ObjectName, ids: Sequence[str], properties: Sequence[str]) -> ReadBack:
    """Current values of records of either CRM, each asked of its own."""
    found = ReadBack({})
    for side, mine in ctx.by_side(ids):
        read = side.connector.read(object_, mine, properties)
        found = ReadBack(found.values | read.values, (*found.missing, *read.missing), found.merged | read.merged)
    return found


def _settle(change: dict[str, object], found: ReadBack) -> ChangeOutcome:
    seq, id_ = int(str(change["seq"])), str(change["id"])
    if id_ not in found.values:
        survivor = found.merged.get(id_)
        message = f"merged into {survivor}" if survivor else "the record is gone"
        return ChangeOutcome(seq, OutcomeStatus.STALE, message)
    if change["landed"]:
        return ChangeOutcome(seq, OutcomeStatus.APPLIED, "read back after an interruption")
    if change["untouched"]:
        return ChangeOutcome(seq, OutcomeStatus.DEFERRED)
    return ChangeOutcome(seq, OutcomeStatus.STALE, "changed by somebody else since it was planned")
