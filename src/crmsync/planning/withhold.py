"""Nothing is guessed from a partial read (design.md): what an incomplete snapshot may not do, and what people entered.

Both functions split changes into those that stay and those that are held back, so that nothing disappears unlisted.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from crmsync.model.outputs import Output, OutputKind
from crmsync.planning.diff import NativeRule, canonical

Split = tuple[pl.DataFrame, pl.DataFrame]


def from_partial(
    changes: pl.DataFrame, outputs: Sequence[Output], *, prefix: str, natives: Sequence[NativeRule] = ()
) -> Split:
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
    return drop_with_companions(changes, fills | rises, outputs, prefix=prefix, natives=natives)


def hand_edits(
    changes: pl.DataFrame,
    written: pl.DataFrame,
    outputs: Sequence[Output],
    *,
    prefix: str,
    natives: Sequence[NativeRule] = (),
) -> Split:
    """(kept, held back): a value that the ledger did not write is a person's entry and stays (domain.md B1).

    `written` has object, id, property, value: the value our ledger last wrote, for the records in question.
    """
    by_person = entered(changes, written, outputs, prefix=prefix)
    if not by_person.any():
        return changes, changes.clear()
    return drop_with_companions(changes, ~by_person, outputs, prefix=prefix, natives=natives)


def entered(changes: pl.DataFrame, written: pl.DataFrame, outputs: Sequence[Output], *, prefix: str) -> pl.Series:
    """Boolean, one a row: whether what stands there is a person's entry that stays. Arguments as in `hand_edits`."""
    guarded = [prefix + output.name for output in outputs if output.keep_hand_edits]
    doubtful = pl.col("property").is_in(guarded) & pl.col("before").is_not_null()
    if not guarded or changes.filter(doubtful).is_empty():
        # A first plan has millions of changes and nothing that anybody could have edited.
        return pl.repeat(False, changes.height, dtype=pl.Boolean, eager=True)
    joined = changes.join(written, on=["object", "id", "property"], how="left", maintain_order="left")
    before, ours = (canonical(pl.col(name), OutputKind.MULTI) for name in ("before", "value"))
    return joined.select((doubtful & before.ne_missing(ours)).alias("entered")).to_series()


def drop_with_companions(
    changes: pl.DataFrame,
    keep: pl.Expr | pl.Series,
    outputs: Sequence[Output],
    *,
    prefix: str,
    natives: Sequence[NativeRule] = (),
) -> Split:
    """Split by `keep`, then take along what would be a lie without a change that is held back.

    That is the CRM's own property that follows its value, and the companions (reason, dates) of its system, unless the
    system's first output, which they speak of, is written. A record without a decision left loses all companions.
    """
    marked = changes.with_columns(keep.alias("_keep"))
    for rule in natives:
        source = marked.filter(~pl.col("_keep") & (pl.col("property") == prefix + rule.source))
        lost = (pl.col("rule") == f"mapping.{rule.name}") & pl.col("id").is_in(source["id"].to_list())
        marked = marked.with_columns((pl.col("_keep") & ~((pl.col("object") == rule.object) & lost)).alias("_keep"))
    companions = [prefix + output.name for output in outputs if output.follows] + [prefix + "last_run"]
    is_companion = pl.col("property").is_in(companions)
    decided = marked.filter(pl.col("_keep") & ~is_companion)
    dropped = marked.filter(~pl.col("_keep") & ~is_companion)
    spoken_of = decided.filter(pl.col("property").is_in(_first_outputs(outputs, prefix))).select("object", "id", "rule")
    lost_system = (
        dropped.select("object", "id", "rule").unique().join(spoken_of, on=["object", "id", "rule"], how="anti")
    )
    followers = marked.filter(is_companion)
    followers = followers.join(decided.select("object", "id").unique(), on=["object", "id"], how="semi")
    followers = followers.join(lost_system, on=["object", "id", "rule"], how="anti")
    kept = pl.concat([decided, followers]).sort("seq")
    return kept.drop("_keep"), dropped.drop("_keep").sort("seq")


def _first_outputs(outputs: Sequence[Output], prefix: str) -> list[str]:
    """The property of each system's first decision, which its reason and dates speak of."""
    first: dict[str, str] = {}
    for output in outputs:
        if not output.follows and not output.person:
            first.setdefault(output.system, prefix + output.name)
    return list(first.values())
