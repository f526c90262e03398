"""What an account has bought, from its deals (domain.md A3 prior spend, A5): fields that any condition may use.

A purchase is a won deal that closed on or before as-of. Where deals are read, an account without any has bought
nothing, which is known; where not every deal was read, what it bought is known from below. A deal that names several
companies counts for each of them. A deal that may be won, or may have closed by then, leaves the count at least what is
certain; an amount that is missing does the same to the sum.
"""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import Reads, System, World, beside
from crmsync.assess.buying import UNBOUNDED, is_won, total
from crmsync.model.snapshot import LEAST
from crmsync.program.loader import Program

_DEAL = frozenset({"accounts", "amount", "is_won", "is_closed", "closed_at"})
_FIGURES = ("purchases", "spend", "open_deals")
_DTYPES: dict[str, pl.DataType] = {
    "last_purchase_at": pl.Datetime("us", "UTC"),
    **dict.fromkeys((*_FIGURES, *(LEAST + name for name in _FIGURES)), pl.Int64()),
}


def reads(_program: Program) -> Reads:
    return {"deal": _DEAL}


def assess(world: World) -> World:
    """Add `purchases`, `spend` (minor units) and `open_deals` with their lower bounds, and `last_purchase_at`."""
    links = world.deals.select("id", *sorted(_DEAL)).explode("accounts").drop_nulls("accounts")
    links = links.unique(["id", "accounts"], maintain_order=True)
    won = is_won() & (pl.col("closed_at") <= world.as_of)
    # Refunds are entered as negative deals: they are no purchase, and they count in the amount.
    refund = (pl.col("amount") < 0).fill_null(value=False)
    certain = won.fill_null(value=False)
    counted = links.group_by("accounts").agg(
        (certain & ~refund).sum().cast(pl.Int64).alias(LEAST + "purchases"),
        total(pl.col("amount").filter(certain)).alias(LEAST + "spend"),
        (pl.col("is_closed") == pl.lit(value=False))
        .fill_null(value=False)
        .sum()
        .cast(pl.Int64)
        .alias(LEAST + "open_deals"),
        pl.col("closed_at").filter(certain).max().alias("last_purchase_at"),
        won.is_null().any().alias("_maybe"),
        (certain & pl.col("amount").is_null()).any().alias("_unpriced"),
        pl.col("is_closed").is_null().any().alias("_undecided"),
    )
    frame = world.accounts.drop(_DTYPES, strict=False)
    frame = beside(frame, counted, key="accounts")
    unread = pl.lit(value=not world.all_deals)
    maybe, unpriced, undecided = (
        pl.col(name).fill_null(value=False) | unread for name in ("_maybe", "_unpriced", "_undecided")
    )
    frame = frame.with_columns(pl.col(LEAST + name).fill_null(0) for name in _FIGURES)
    # A deal that was not read may be a refund.
    frame = frame.with_columns(pl.when(~unread).then(LEAST + "spend").alias(LEAST + "spend"))
    frame = frame.with_columns(
        pl.when(~maybe).then(LEAST + "purchases").alias("purchases"),
        pl.when(~maybe & ~unpriced & (pl.col(LEAST + "spend") < UNBOUNDED)).then(LEAST + "spend").alias("spend"),
        pl.when(~undecided).then(LEAST + "open_deals").alias("open_deals"),
        pl.when(~maybe).then("last_purchase_at").alias("last_purchase_at"),
    )
    return world.with_frame("company", frame.drop("_maybe", "_unpriced", "_undecided"))


PURCHASES = System(
    key="purchases",
    title="Purchases",
    source="domain.md A5",
    object="company",
    assess=assess,
    reads=reads,
    gives={"company": _DTYPES},
)
