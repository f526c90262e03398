"""What each account bought and when, with its doubts (domain.md A5): every figure as the least and the most it can be.

A purchase counts where its deal is won and closed from as-of minus the months on (by the day, in UTC) until as-of. A
won deal with a negative amount is a refund: no purchase, and it lowers the total. One without an amount is a purchase
of an amount that nobody knows, not below zero. One without a close date may have closed at any time.
The failure it prevents: a guess in either direction where a close date, an amount or the outcome is missing.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from functools import reduce
from operator import add

import polars as pl

from crmsync.assess.base import beside

#: The most of a total that has no upper end, because an amount in it is missing; no total is told beyond it.
UNBOUNDED = 2**63 - 1


def total(*amounts: pl.Expr) -> pl.Expr:
    """The sum of these amounts in minor units, at most UNBOUNDED either way: what is beyond does not turn round."""
    whole = [amount.cast(pl.Int128).sum() for amount in amounts]
    return reduce(add, whole).clip(-UNBOUNDED, UNBOUNDED).cast(pl.Int64)


@dataclass(frozen=True, slots=True)
class Windows:
    """When purchases count: from the last of `starts` to `as_of`. `starts` begin the years, newest first."""

    starts: tuple[datetime, ...]
    as_of: datetime

    @property
    def start(self) -> datetime:
        return self.starts[-1]


def windows(as_of: datetime, months: int) -> Windows:
    """Years of 12 months back from the day of `as_of` (UTC); the oldest ends with the months."""
    day = as_of.astimezone(UTC).date()
    steps = [*range(12, months, 12), months]
    return Windows(tuple(midnight(months_before(day, step)) for step in steps), as_of)


def months_before(day: date, months: int) -> date:
    """The same day so many months earlier (later, where negative), at most the last day of that month."""
    year, month = divmod(day.year * 12 + day.month - 1 - months, 12)
    return date(year, month + 1, min(day.day, monthrange(year, month + 1)[1]))


def midnight(day: date) -> datetime:
    return datetime.combine(day, time(), tzinfo=UTC)


def is_won() -> pl.Expr:
    """Boolean of a deal, null where nobody knows: an open deal is not won, whatever else is missing."""
    still_open = pl.col("is_won").is_null() & ~pl.col("is_closed")
    return pl.when(still_open).then(pl.lit(value=False)).otherwise("is_won")


def wins(deals: pl.DataFrame, areas: Sequence[str]) -> pl.DataFrame:
    """Deals that are won or may be: `id`, `accounts` (each once), `closed_at`, `amount`, `certain`, and the areas.

    `certain` is Boolean, null where nobody knows whether it is won; the
    areas are text as it is compared, as categories: a million deals name few of them.
    """
    frame = deals.select("id", "accounts", "closed_at", "amount", is_won().alias("certain"), *areas)
    frame = frame.filter(pl.col("certain").fill_null(value=True))
    return frame.with_columns(pl.col("accounts").list.drop_nulls().list.unique(), *(_folded(area) for area in areas))


def _folded(area: str) -> pl.Expr:
    folded = pl.col(area).cast(pl.String).str.strip_chars().str.to_lowercase()
    return pl.when(folded != "").then(folded).cast(pl.Categorical).alias(area)


def by_account(won: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
    """`wins`, one row for each account of each deal (`account`); without those that close after as-of."""
    on_time = won.filter((pl.col("closed_at") <= as_of).fill_null(value=True))
    return on_time.explode("accounts").drop_nulls("accounts").rename({"accounts": "account"})


IS_REFUND = (pl.col("amount") < 0).fill_null(value=False)


def purchased(since: datetime, until: datetime | None = None) -> pl.Expr:
    """Boolean of a row of `by_account`, null where unknown: a purchase closed from `since` to before `until`."""
    return won_within(since, until) & ~IS_REFUND


def won_within(since: datetime, until: datetime | None = None) -> pl.Expr:
    """As `purchased`, refunds too."""
    when = pl.col("closed_at") >= since
    if until is not None:
        when = when & (pl.col("closed_at") < until)
    return pl.col("certain") & when


def certainly(truth: pl.Expr) -> pl.Expr:
    return truth.fill_null(value=False)


def possibly(truth: pl.Expr) -> pl.Expr:
    return truth.fill_null(value=True)


COUNTS = ("purchases_low", "purchases_high", "years_low", "years_high", "total_low", "total_high")


def figures(rows: pl.DataFrame, when: Windows, areas: Sequence[str]) -> pl.DataFrame:
    """Figures of each account that has a row in `by_account`: `account`, least and most of each.

    `purchases_*`, `years_*` (in how many of the years), `total_*` (minor units, refunds taken off; at most UNBOUNDED),
    `<area>_low` and `<area>_high` (how many different ones), `before_low` and `before_high` (Boolean: bought before the
    window).
    """
    counts, inside = purchased(when.start), won_within(when.start)
    amount = pl.col("amount")
    settled = certainly(inside)
    open_ = possibly(inside) & ~settled
    least = total(amount.filter(settled), amount.filter(open_ & (amount < 0)))
    most = total(amount.filter(settled), amount.filter(open_ & (amount > 0)))
    endless = (possibly(inside) & amount.is_null()).any()
    grouped = rows.group_by("account").agg(
        certainly(counts).sum().cast(pl.Int32).alias("purchases_low"),
        possibly(counts).sum().cast(pl.Int32).alias("purchases_high"),
        *_years(when),
        (possibly(counts) & pl.col("closed_at").is_null()).sum().alias("undated"),
        least.alias("total_low"),
        pl.when(endless).then(UNBOUNDED).otherwise(most).alias("total_high"),
        certainly(~IS_REFUND & pl.col("certain") & (pl.col("closed_at") < when.start)).any().alias("before_low"),
        possibly(~IS_REFUND & pl.col("certain") & (pl.col("closed_at") < when.start)).any().alias("before_high"),
        *(expr for area in areas for expr in _spread(area, counts)),
    )
    years = range(len(when.starts))
    sure = pl.sum_horizontal([pl.col(f"year_low.{k}").cast(pl.Int32) for k in years])
    # A purchase without a date may stand in any year, and in one only.
    dated = pl.sum_horizontal([pl.col(f"year_high.{k}").cast(pl.Int32) for k in years])
    most_years = pl.min_horizontal(dated + pl.col("undated").cast(pl.Int32), pl.lit(len(when.starts), dtype=pl.Int32))
    return grouped.with_columns(sure.alias("years_low"), most_years.alias("years_high")).drop(
        "undated", "^year_low\\..*$", "^year_high\\..*$"
    )


def _years(when: Windows) -> list[pl.Expr]:
    """`year_low.<k>` and `year_high.<k>`: a purchase certainly, or possibly and dated, in the k-th year back."""
    exprs = []
    until: datetime | None = None
    for k, since in enumerate(when.starts):
        truth = purchased(since, until)
        exprs.append(certainly(truth).any().alias(f"year_low.{k}"))
        exprs.append((possibly(truth) & pl.col("closed_at").is_not_null()).any().alias(f"year_high.{k}"))
        until = since
    return exprs


def _spread(area: str, counts: pl.Expr) -> list[pl.Expr]:
    """How many different values of an area; a purchase without one may stand for one more."""
    value = pl.col(area)
    sure = value.filter(certainly(counts)).drop_nulls().n_unique()
    named = value.filter(possibly(counts)).drop_nulls().n_unique()
    blank = (possibly(counts) & value.is_null()).sum()
    return [sure.cast(pl.Int32).alias(f"{area}_low"), (named + blank).cast(pl.Int32).alias(f"{area}_high")]


def with_figures(accounts: pl.DataFrame, found: pl.DataFrame, prefix: str) -> pl.DataFrame:
    """`accounts` with `found` beside them as `<prefix><figure>`; an account without a row has bought nothing."""
    named = found.rename({name: prefix + name for name in found.columns if name != "account"})
    joined = beside(accounts, named, key="account")
    numbers = [
        pl.col(name).fill_null(value=False) if dtype == pl.Boolean else pl.col(name).fill_null(0)
        for name, dtype in named.schema.items()
        if name != "account"
    ]
    return joined.with_columns(numbers)


def in_top(low: pl.Series, high: pl.Series, buyers: tuple[int, int], percent: int) -> pl.Series:
    """Boolean by position, null where unknown: a total in the top `percent` of buyers and above zero.

    `low` and `high` bound the totals of every account that bought or may have; `buyers` is the least and the most
    number of buyers. `seats = buyers x percent / 100`, rounded up. An account is in where fewer than that many totals
    are above its own, so that all who tie at the last seat are in: certainly where fewer than the least seats can
    be above its least, certainly not where as many as the most seats are above its most.
    """
    fewest, most = (-(-count * percent // 100) for count in buyers)
    # Its own most is above its least where the two differ, and is no rival.
    may_be_above = low.len() - high.sort().search_sorted(low, side="right").cast(pl.Int64)
    may_be_above = may_be_above - (high > low).cast(pl.Int64)
    are_above = low.len() - low.sort().search_sorted(high, side="right").cast(pl.Int64)
    surely = (may_be_above < fewest) & (low > 0)
    never = (are_above >= most) | (high <= 0)
    verdict = pl.DataFrame({"surely": surely, "never": never}).select(
        pl.when("surely").then(True).when("never").then(False).alias("in_top")
    )
    return verdict["in_top"]


def at_least(name: str, threshold: int) -> pl.Expr:
    """Whether the figure in `<name>_low` to `<name>_high` is at least `threshold`; null where that is not certain."""
    least, most = pl.col(f"{name}_low"), pl.col(f"{name}_high")
    return pl.when(least >= threshold).then(pl.lit(value=True)).when(most < threshold).then(pl.lit(value=False))
