"""Whether two texts of a property are the same value to the CRM: the planner's comparison, for values read back."""

from __future__ import annotations

import polars as pl

from crmsync.engine.context import Context
from crmsync.model.outputs import OutputKind
from crmsync.planning.diff import canonical


def kinds(ctx: Context) -> dict[tuple[str, str], OutputKind]:
    """(object, property) -> the kind that decides how an owned property is compared."""
    return {(output.object, ctx.prefix + output.name): output.kind for output in ctx.owned}


def same_values(ctx: Context, changes: pl.DataFrame, left: str, right: str) -> pl.Series:
    """Boolean, one a row of `changes` (object, property and both columns). Null and "" are both no value.

    A property that is not ours is compared as a multi-select, whose order does not matter.
    """
    known = kinds(ctx)
    pairs = changes.select("object", "property").unique().rows()
    same: pl.Expr = canonical(pl.col(left), OutputKind.MULTI).eq_missing(canonical(pl.col(right), OutputKind.MULTI))
    for kind in OutputKind:
        mine = [property_ for object_, property_ in pairs if known.get((object_, property_)) is kind]
        if mine:
            equal = canonical(pl.col(left), kind).eq_missing(canonical(pl.col(right), kind))
            same = pl.when(pl.col("property").is_in(mine)).then(equal).otherwise(same)
    return changes.select(same.alias("same"))["same"]
