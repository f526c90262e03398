"""Nothing is guessed from a partial read (design.md): what an incomplete snapshot may not do, and what people entered.

Both functions split changes into those that stay and those that are held back, so that nothing disappears unlisted.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmsync.model.outputs import Output

Split = tuple[pl.DataFrame, pl.DataFrame]


def from_partial(changes: pl.DataFrame, outputs: Sequence[Output], *, prefix: str) -> Split:
    """(kept, held back): from a partial read a value that stands is never demoted, cleared, removed or replaced.

    A blank may be filled and a ranked value may rise. Companions of a change that is held back go with it.
    """
    rises = pl.lit(value=False)
    for output in outputs:
        if output.ranked:
            ranks = {value: position for position, value in enumerate(output.ranked)}
            before = pl.col("before").replace_strict(ranks, default=None, return_dtype=pl.Int32)
            after = pl.col("after").replace_strict(ranks, default=None, return_dtype=pl.Int32)
            rises = rises | ((pl.col("property") == prefix + output.name) & (after > before).fill_null(value=False))
    fills = pl.col("before").is_null()
    return drop_with_companions(changes, fills | rises, outputs, prefix=prefix)


def hand_edits(changes: pl.DataFrame, written: pl.DataFrame, outputs: Sequence[Output], *, prefix: str) -> Split:
    """(kept, held back): a value that the ledger did not write is a person's entry and stays (domain.md B1).

    `written` has object, id, property, value: the value our ledger last wrote, for the records in question.
    """
    guarded = [prefix + output.name for output in outputs if output.keep_hand_edits]
    if not guarded or changes.is_empty():
        return changes, changes.clear()
    doubtful = pl.col("property").is_in(guarded) & pl.col("before").is_not_null()
    if changes.filter(doubtful).is_empty():
        # A first plan has millions of changes and nothing that anybody could have edited.
        return changes, changes.clear()
    joined = changes.join(written, on=["object", "id", "property"], how="left", maintain_order="left")
    by_person = doubtful & pl.col("before").ne_missing(pl.col("value"))
    marked = joined.with_columns((~by_person).alias("_keep")).drop("value")
    return drop_with_companions(marked.drop("_keep"), marked["_keep"], outputs, prefix=prefix)


def drop_with_companions(
    changes: pl.DataFrame, keep: pl.Expr | pl.Series, outputs: Sequence[Output], *, prefix: str
) -> Split:
    """Split by `keep`, then take along the companions of every record that has no decision left."""
    companions = [prefix + output.name for output in outputs if output.follows] + [prefix + "last_run"]
    marked = changes.with_columns(keep.alias("_keep"))
    is_companion = pl.col("property").is_in(companions)
    deciding = marked.filter(pl.col("_keep") & ~is_companion).select("object", "id").unique()
    dropped = marked.filter(~pl.col("_keep") & ~is_companion)
    followers = marked.filter(is_companion)
    lost_system = dropped.select("object", "id", "rule").unique()
    followers = followers.join(deciding, on=["object", "id"], how="semi")
    followers = followers.join(lost_system, on=["object", "id", "rule"], how="anti")
    kept = pl.concat([marked.filter(pl.col("_keep") & ~is_companion), followers]).sort("seq")
    return kept.drop("_keep"), dropped.drop("_keep").sort("seq")
