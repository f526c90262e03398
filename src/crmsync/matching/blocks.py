"""Candidates from blocks of equal keys, and one table of rules that judges them: what matching of every object shares.

Blocks exist so that 100,000 records against 150,000 are never all compared; a block too large to mean anything (a
chain's name in a large city, an address of a list) is left out, whatever the order of rows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import polars as pl

from crmsync.matching.score import CANDIDATE_SCHEMA

#: A block that pairs more records than this is no evidence.
LARGEST = 400
#: So many pairs are compared at a time.
_PART = 250_000


class Rule(NamedTuple):
    """What holds of a pair, whether that is enough alone, its score, its name, and why a person should look if not."""

    when: pl.Expr
    auto: bool
    score: float
    how: str
    why: str = ""


def block(left: pl.DataFrame, right: pl.DataFrame, keys: Sequence[str]) -> pl.DataFrame:
    """(l, r) of the records that are equal in all of `keys`; a missing key equals nothing."""
    mine, theirs = (frame.select(row, *keys).drop_nulls() for frame, row in ((left, "l"), (right, "r")))
    sizes = (
        mine.group_by(keys)
        .agg(n_l=pl.len().cast(pl.UInt64))
        .join(theirs.group_by(keys).agg(n_r=pl.len().cast(pl.UInt64)), on=keys)
    )
    small = sizes.filter(pl.col("n_l") * pl.col("n_r") <= LARGEST).select(keys)
    return mine.join(small, on=keys).join(theirs, on=keys).select("l", "r")


def compared(
    pairs: pl.DataFrame,
    left: pl.DataFrame,
    right: pl.DataFrame,
    keys: Sequence[str],
    judge: Callable[[pl.DataFrame], pl.DataFrame],
) -> pl.DataFrame:
    """What `judge` says of the pairs, each once. It is given `l`, `r` and `keys` of both sides, the right one's with
    `_r` appended, a part at a time so that a million records fit; `l` and `r` are row numbers of the frames."""
    mine = left.select(keys)
    theirs = right.select(pl.col(name).alias(f"{name}_r") for name in keys)
    parts = [
        judge(pl.concat([part, mine[part["l"]], theirs[part["r"]]], how="horizontal"))
        for part in pairs.unique().iter_slices(_PART)
    ]
    return pl.concat([pl.DataFrame(schema=CANDIDATE_SCHEMA), *parts])


def judged(pairs: pl.DataFrame, rules: Sequence[Rule], anchor: pl.Expr) -> pl.DataFrame:
    """CANDIDATE_SCHEMA by the first rule that holds (unknown does not); a pair without one is no candidate."""
    number = pl.coalesce([pl.when(rule.when).then(pl.lit(i, dtype=pl.UInt32)) for i, rule in enumerate(rules)])
    table = pl.DataFrame(
        [(i, rule.how, rule.score, rule.auto, rule.why) for i, rule in enumerate(rules)],
        schema={"rule": pl.UInt32, "how": pl.String, "score": pl.Float64, "auto": pl.Boolean, "why": pl.String},
        orient="row",
    )
    told = pairs.select("l", "r", rule=number, anchor=anchor.fill_null(False))
    return told.join(table, on="rule").select(*CANDIDATE_SCHEMA)
