"""The held rule (domain.md A2): a lost value demotes nobody, and a false one does. One place for every ranked decision.

Ranks are small integers, higher is better.
"""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl


def settle(reached: pl.Expr, potential: pl.Expr, held: pl.Expr) -> pl.Expr:
    """The better of reached and (the worse of held and potential).

    `reached` takes every unknown as false, `potential` as true. Nothing held (null): what is reached. Nothing reached
    (null): no rank is certain, so that only what is held can stand.
    """
    # The horizontal functions skip nulls, which for the worse of two would let a null be held at the potential.
    kept = pl.when(held.is_not_null()).then(pl.min_horizontal(held, potential))
    return pl.max_horizontal(reached, kept)


def rank_of(expr: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """Text -> its place in `names`, which go from worst to best; null for null and for any other text."""
    ranks = {name: rank for rank, name in enumerate(names)}
    return expr.cast(pl.String).replace_strict(ranks, default=None, return_dtype=pl.Int32)


def name_of(expr: pl.Expr, names: Sequence[str]) -> pl.Expr:
    """A rank -> its name (text); null for null."""
    return expr.cast(pl.Int32).replace_strict(dict(enumerate(names)), default=None, return_dtype=pl.String)
