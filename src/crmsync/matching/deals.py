"""Which deals of two CRMs are the same: by decision, by the CRMs' own ids, by account, name, and amount or close date.

Renewals carry one name year after year, so that a name in an account alone decides nothing; where amount and close date
both agree they outdo one of the two.
"""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from crmsync.matching.blocks import Rule, block, compared, judged
from crmsync.matching.score import Matched, column, settle
from crmsync.model.decided import Decided
from crmsync.normalize.columns import normalize_unique
from crmsync.normalize.title_words import fold

_KEYS = ("amount", "day", "pairs")
#: The close date of one deal moves by so much between two CRMs; further apart it may be the next renewal.
_MOVED = timedelta(days=45)


def match_deals(
    left: pl.DataFrame, right: pl.DataFrame, accounts: pl.DataFrame, decided: Decided | None = None
) -> Matched:
    """Pairs of deals of two CRMs.

    `left`, `right`: canonical deals with `id` and any of `name amount closed_at accounts counterpart` (`amount` in
    minor units of the program's currency, `accounts` a set of ids); `accounts`: the pairs of companies (`left`,
    `right`). `how` is `decided`, `native` or `account_name`.
    """
    one, other = _prepared(left, "l", accounts, "left"), _prepared(right, "r", accounts, "right")
    return settle(one, other, _candidates(one, other), decided or Decided())


def _prepared(frame: pl.DataFrame, row: str, accounts: pl.DataFrame, side: str) -> pl.DataFrame:
    """A row number, `key` (the name's), `amount`, `day`, and `pairs`: numbers of its accounts' pairs (UInt32 list)."""
    amount = pl.col("amount").cast(pl.Int64) if "amount" in frame.columns else pl.lit(None, dtype=pl.Int64)
    closed = pl.col("closed_at").dt.date() if "closed_at" in frame.columns else pl.lit(None, dtype=pl.Date)
    known = (
        pl.col("accounts").cast(pl.List(pl.String)) if "accounts" in frame.columns else pl.lit([], pl.List(pl.String))
    )
    given = (
        frame.select(
            *(column(frame, name) for name in ("id", "name", "counterpart")),
            amount.alias("amount"),
            closed.alias("day"),
            known.alias("accounts"),
        )
        .filter(pl.col("id").is_not_null())
        .with_row_index(row)
    )
    numbered = (
        accounts.sort("left", "right").with_row_index("pair").select("pair", accounts=pl.col(side).cast(pl.String))
    )
    linked = given.select(row, "accounts").explode("accounts", empty_as_null=False).join(numbered, on="accounts")
    pairs = linked.group_by(row).agg(pairs=pl.col("pair").unique())
    keyed = given.drop("accounts").with_columns(key=normalize_unique(given["name"], _name_key))
    return keyed.join(pairs, on=row, how="left", maintain_order="left")


def _name_key(name: str) -> str | None:
    """Folded letters and digits alone: dots, dashes and blanks make no difference."""
    return "".join(c for c in fold(name) if c.isalnum()) or None


def _candidates(left: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    mine, theirs = (frame.explode("pairs", empty_as_null=False) for frame in (left, right))
    keys = [("pairs", "key"), *(("pairs", "key", name) for name in ("amount", "day")), ("key", "amount", "day")]
    found = [block(mine, theirs, key) if "pairs" in key else block(left, right, key) for key in keys]
    return compared(pl.concat(found), left, right, _KEYS, _judge)


def _judge(pairs: pl.DataFrame) -> pl.DataFrame:
    told = pairs.with_columns(
        amounts=pl.col("amount") == pl.col("amount_r"),
        days=pl.col("day") == pl.col("day_r"),
        apart=(pl.col("day") - pl.col("day_r")).abs() > _MOVED,
        within=(pl.col("pairs").list.set_intersection("pairs_r").list.len() > 0).fill_null(False),
    )
    return judged(told, _rules(), anchor=pl.col("within") & pl.col("amounts") & pl.col("days"))


def _rules() -> tuple[Rule, ...]:
    """First match from the top; every candidate has the same name."""
    within, amount, day = (pl.col(name) for name in ("within", "amounts", "days"))
    how, years = "account_name", pl.col("apart").fill_null(False)
    return (
        Rule(within & amount & day, True, 0.99, how),
        Rule(within & amount & ~years, True, 0.88, how),
        Rule(within & day, True, 0.88, how),
        Rule(within & amount, False, 0.6, how, "same company, name and amount, but closed at other times; a renewal?"),
        Rule(within & amount.is_null() & day.is_null(), False, 0.6, how, "same company and name, no amount or date"),
        Rule(within, False, 0.5, how, "same company and name, but another amount or close date"),
        Rule(amount & day, False, 0.6, how, "same name, amount and close date, but no company in common"),
    )
