"""What an account has bought, from its deals (domain.md A3 prior spend, A5): fields that any condition may use.

A purchase is a won deal that closed on or before as-of. Where deals are read, an account without any has bought
nothing, which is known; a deal that names several companies counts for each of them. `spend` adds the amounts that are
known: it is at least that.
"""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import Reads, System, World
from crmsync.program.loader import Program

_DEAL = frozenset({"accounts", "amount", "is_won", "is_closed", "closed_at"})
_DTYPES: dict[str, pl.DataType] = {
    "purchases": pl.Int64(),
    "spend": pl.Int64(),
    "last_purchase_at": pl.Datetime("us", "UTC"),
    "open_deals": pl.Int64(),
}


def reads(_program: Program) -> Reads:
    return {"deal": _DEAL}


def assess(world: World) -> World:
    """Add `purchases`, `spend` (minor units), `last_purchase_at` and `open_deals`."""
    links = world.deals.select("id", *sorted(_DEAL)).explode("accounts").drop_nulls("accounts")
    links = links.unique(["id", "accounts"], maintain_order=True)
    bought = (pl.col("is_won") & (pl.col("closed_at") <= world.as_of)).fill_null(value=False)
    # Refunds are entered as negative deals: they are no purchase, and they count in the amount.
    counted = links.group_by("accounts").agg(
        (bought & (pl.col("amount").fill_null(0) >= 0)).sum().cast(pl.Int64).alias("purchases"),
        pl.col("amount").filter(bought).sum().alias("spend"),
        pl.col("closed_at").filter(bought).max().alias("last_purchase_at"),
        (~pl.col("is_closed")).fill_null(value=False).sum().cast(pl.Int64).alias("open_deals"),
    )
    frame = world.accounts.join(counted, left_on="id", right_on="accounts", how="left", maintain_order="left")
    zeros = [pl.col(name).fill_null(0) for name in ("purchases", "spend", "open_deals")]
    return world.with_frame("company", frame.with_columns(zeros))


PURCHASES = System(
    key="purchases",
    title="Purchases",
    source="domain.md A5",
    object="company",
    assess=assess,
    reads=reads,
    gives={"company": _DTYPES},
)
