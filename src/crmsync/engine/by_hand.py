"""What people entered over our values, where such an entry stays (domain.md B1).

One person's entry in one CRM is what the other CRM gets as well: the rules' own value there would be a second truth,
and one of the two would be wrong in the eyes of whoever reads it.
"""

from __future__ import annotations

import polars as pl

from crmsync.engine.context import Context
from crmsync.engine.picture import Picture
from crmsync.model.fields import ObjectName
from crmsync.model.outputs import Output
from crmsync.model.plan import CHANGE_SCHEMA
from crmsync.planning.diff import canonical, number
from crmsync.planning.withhold import drop_with_companions, entered

_WRITTEN = {"object": pl.String, "id": pl.String, "property": pl.String, "value": pl.String}
_KEY = ["object", "id", "property"]


def kept_outputs(ctx: Context) -> list[Output]:
    """Outputs of which a person's entry stays."""
    return [output for output in ctx.outputs if output.keep_hand_edits]


def last_written(ctx: Context, seen: Picture, changes: pl.DataFrame) -> pl.DataFrame:
    """What the ledger last wrote to the values whose hand edits are kept: object, id, property, value.

    Of a record to which it wrote nothing, what it wrote to the same record in the other CRM: it was carried over.
    """
    guarded = [ctx.prefix + output.name for output in kept_outputs(ctx)]
    doubtful = changes.filter(pl.col("property").is_in(guarded) & pl.col("before").is_not_null())
    parts = [pl.DataFrame(schema=_WRITTEN)]
    for (object_,), group in doubtful.group_by("object", maintain_order=True):
        ids = group["id"].unique(maintain_order=True).to_list()
        parts.append(_last_written(ctx, seen, object_, ids))
    return pl.concat(parts)


def _last_written(ctx: Context, seen: Picture, object_: ObjectName, ids: list[str]) -> pl.DataFrame:
    other = seen.counterpart(object_, ids)
    both = list(dict.fromkeys([*ids, *other.values()]))
    rows = ctx.store.ledger.last_written(ctx.portal.name, object_, both)
    mine = rows.select("object", pl.col("record_id").alias("id"), "property", pl.col("after").alias("value"))
    if not other:
        return mine
    beside = pl.DataFrame({"mine": [*other, *other.values()], "id": [*other.values(), *other]}).unique()
    theirs = mine.join(beside, on="id").select("object", pl.col("mine").alias("id"), "property", "value")
    return pl.concat([mine, theirs.join(mine, on=_KEY, how="anti")])


def passed_on(ctx: Context, seen: Picture, changes: pl.DataFrame, written: pl.DataFrame) -> pl.DataFrame:
    """`changes` with what a person entered in one CRM as what the other one gets, in the place of the rules' value.

    Where people entered something in both, each stays where it is.
    """
    if len(ctx.sides) == 1:
        return changes
    by_people = changes.filter(entered(changes, written, ctx.outputs, prefix=ctx.prefix))
    found = [_elsewhere(ctx, seen, by_people, output) for output in kept_outputs(ctx)]
    rows = pl.concat([pl.DataFrame(schema=CHANGE_SCHEMA), *found])
    if rows.is_empty():
        return changes
    numbered = number(changes)
    marked = numbered.join(
        rows.select(*_KEY, pl.lit(value=True).alias("_theirs")), on=_KEY, how="left", maintain_order="left"
    )
    kept, _ = drop_with_companions(
        numbered, marked["_theirs"].is_null(), ctx.outputs, prefix=ctx.prefix, natives=ctx.natives
    )
    new = [_not_there(ctx, seen, rows, output) for output in kept_outputs(ctx)]
    given = pl.concat(new)
    return pl.concat([kept.join(given, on=_KEY, how="anti", maintain_order="left"), given])


def _elsewhere(ctx: Context, seen: Picture, by_people: pl.DataFrame, output: Output) -> pl.DataFrame:
    """A change for each record of the other CRM, those that hold the entry already among them."""
    said = by_people.filter((pl.col("object") == output.object) & (pl.col("property") == ctx.prefix + output.name))
    other = seen.counterpart(output.object, said["id"].to_list())
    where = pl.DataFrame(list(other.items()), schema={"from": pl.String, "id": pl.String}, orient="row")
    moved = said.select(pl.col("id").alias("from"), "property", "rule", pl.col("before").alias("after"))
    moved = moved.join(where, on="from").join(said.select("id"), on="id", how="anti").sort("id")
    held = seen.held(output.object, output.name, moved["id"].to_list())
    titles = {id_: side.title for side, ids in ctx.by_side(moved["from"].to_list()) for id_ in ids}
    told = [f"entered by a person in {titles[id_]}" for id_ in moved["from"].to_list()]
    moved = moved.with_columns(pl.Series("reason", told, dtype=pl.String))
    moved = moved.join(held.rename({"value": "before"}), on="id", how="left", maintain_order="left")
    return moved.select(
        pl.lit(0, dtype=pl.Int64).alias("seq"),
        pl.lit(output.object).alias("object"),
        "id", "property", "before", "after", "rule", "reason",
        pl.lit(value=False).alias("shared"),
    ).select(pl.col(name).cast(dtype) for name, dtype in CHANGE_SCHEMA.items())  # fmt: skip


def _not_there(ctx: Context, seen: Picture, rows: pl.DataFrame, output: Output) -> pl.DataFrame:
    """Those of `rows` of one output that the other CRM does not hold yet, with the text that says why."""
    before, after = (canonical(pl.col(name), output.kind) for name in ("before", "after"))
    mine = (pl.col("object") == output.object) & (pl.col("property") == ctx.prefix + output.name)
    new = rows.filter(mine & before.ne_missing(after))
    if not any(one.name == output.reason and one.object == output.object for one in ctx.outputs):
        return new
    held = seen.held(output.object, output.reason, new["id"].to_list()).rename({"value": "before"})
    said = new.drop("before").join(held, on="id", how="left", maintain_order="left")
    said = said.with_columns(
        pl.lit(ctx.prefix + output.reason).alias("property"),
        pl.col("reason").alias("after"),
        pl.lit("").alias("reason"),
    )
    said = said.filter(pl.col("before").ne_missing(pl.col("after"))).select(list(CHANGE_SCHEMA))
    return pl.concat([new, said])
