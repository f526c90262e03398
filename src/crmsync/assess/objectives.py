"""Objectives of an account for the calendar period at hand (domain.md A5): a target, a date, and what was reached.

Pure and periodic: the period and its target follow from as-of, the program and the deals before the period's start, so
that the text changes only when a fact does or the period ends. Whoever is engaged is counted as they will be on the
due date: nobody drops out from one day to the next. Amounts are those that are known.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

import polars as pl

from crmsync.assess.buying import UNBOUNDED, certainly, midnight, months_before, purchased, total, won_within
from crmsync.assess.objective_section import Goals
from crmsync.program.units import currency_digits, money_text

_MONTHS = {"year": 12, "half": 6, "quarter": 3}
_PEOPLE = {
    "c_suite": "C-level contacts",
    "vp": "contacts from vice president up",
    "entry": "contacts of a known level",
}
_AREAS = {"product": "products", "unit": "units", "country": "countries"}


@dataclass(frozen=True, slots=True)
class Period:
    """A calendar period, by the first moments of it and of the one before; `due` is its last day."""

    start: datetime
    before: datetime
    due: date

    def engaged_since(self, engaged_days: int) -> datetime:
        """From when on a contact must be dated to count as engaged on the due date."""
        return midnight(self.due - timedelta(days=engaged_days))


def period_of(as_of: datetime, kind: str) -> Period:
    """The year, half or quarter that `as_of` (UTC) stands in."""
    day, months = as_of.astimezone(UTC).date(), _MONTHS[kind]
    first = date(day.year, (day.month - 1) // months * months + 1, 1)
    due = months_before(first, -months) - timedelta(days=1)
    return Period(midnight(first), midnight(months_before(first, months)), due)


def baselines(rows: pl.DataFrame, period: Period, months: int, areas: Sequence[str]) -> pl.DataFrame:
    """What the targets stand on, for each account of `rows` (`buying.by_account`), from what is certain.

    `revenue` in the period and `revenue_before` in the one before (minor units, refunds taken off); `bought` (purchases
    in the period); `size` and `size_before` (mean amount of the purchases of the months before the period's start, with
    those since and without); `<area>_now` and `<area>_before` (how many different ones, with those since and without).
    """
    since = midnight(months_before(period.start.date(), months))
    now, earlier = certainly(purchased(since)), certainly(purchased(since, period.start))
    new = certainly(purchased(period.start))
    priced, amount = pl.col("amount").is_not_null(), pl.col("amount")
    day = pl.col("closed_at").dt.date()
    # Who bought for the first time in this period grows from that day's purchases.
    first_day = new & priced & (day == day.filter(new & priced).min())
    base = pl.when((earlier & priced).any()).then(_mean(earlier & priced)).otherwise(_mean(certainly(first_day)))
    return rows.group_by("account").agg(
        total(amount.filter(certainly(won_within(period.start)))).alias("revenue"),
        total(amount.filter(certainly(won_within(period.before, period.start)))).alias("revenue_before"),
        new.sum().cast(pl.Int32).alias("bought"),
        _mean(now & priced).alias("size"),
        base.alias("size_before"),
        *(
            pl.col(area).filter(truth).drop_nulls().n_unique().cast(pl.Int32).alias(f"{area}_{when}")
            for area in areas
            for when, truth in (("now", now), ("before", earlier))
        ),
    )


def _mean(rows: pl.Expr) -> pl.Expr:
    """Mean amount in whole minor units, half a unit rounded up; null where there is none."""
    count, whole = rows.sum().cast(pl.Int128), pl.col("amount").filter(rows).cast(pl.Int128).sum()
    return pl.when(count > 0).then((whole * 2 + count) // (count * 2)).cast(pl.Int64)


def objective_text(goals: Goals, period: Period, areas: Sequence[str], currency: str) -> pl.Expr:
    """The objectives of one category in one text, `; ` between them; null where none has a target.

    Reads the columns of `baselines` (null: nothing was bought), `engaged.<level>` (contacts that count, null where the
    portal cannot say), and `buys` (never null), `lapsed`, `refreshed`, `referenceable` (Boolean, null where unknown).
    """
    due = f" by {period.due}"
    parts = [
        _purchases(goals, due),
        _revenue(goals, due, currency),
        _relationships(goals, due),
        _state(pl.col("refreshed"), "refresh the contacts" + due) if goals.refresh else None,
        _referenceable(due) if goals.referenceable else None,
        _deal_size(goals, due, currency),
        _breadth(goals, due, areas),
    ]
    given = [part for part in parts if part is not None]
    if not given:
        return pl.lit(None, dtype=pl.String)
    joined = pl.concat_str(given, separator="; ", ignore_nulls=True)
    return pl.when(joined != "").then(joined)


def _purchases(goals: Goals, due: str) -> pl.Expr | None:
    if goals.purchases is None:
        return None
    what = (
        pl.when("buys")
        .then(pl.lit("purchases"))
        .when("lapsed")
        .then(pl.lit("win back, purchases"))
        .when(~pl.col("lapsed"))
        .then(pl.lit("first purchase" if goals.purchases == 1 else "first purchases"))
        .otherwise(pl.lit("new purchases"))
    )
    return pl.concat_str(what, pl.lit(" "), pl.col("bought").fill_null(0), pl.lit(f" of {goals.purchases}{due}"))


def _revenue(goals: Goals, due: str, currency: str) -> pl.Expr | None:
    """Growth needs something to grow from: without revenue in the period before there is no target."""
    if goals.revenue is None and goals.revenue_growth is None:
        return None
    target = pl.lit(goals.revenue, dtype=pl.Int64) if goals.revenue is not None else None
    if target is None:
        target = _grown(pl.col("revenue_before"), goals.revenue_growth or 0)
    return _progress(
        "revenue", money_words(pl.col("revenue").fill_null(0), currency), money_words(target, currency), due
    )


def _relationships(goals: Goals, due: str) -> pl.Expr | None:
    if goals.level is None:
        return None
    who = f"{_PEOPLE.get(goals.level, f'contacts from {goals.level} up')} engaged"
    reached = pl.col(f"engaged.{goals.level}")
    unknown = pl.lit(f"{who} {goals.contacts}{due} (nobody knows how many are)")
    known = _progress(who, reached.cast(pl.String), pl.lit(str(goals.contacts)), due)
    return pl.when(reached.is_null()).then(unknown).otherwise(known)


def _referenceable(due: str) -> pl.Expr:
    known = pl.col("referenceable")
    unknown = pl.lit(f"become a reference{due} (nobody knows whether it is one)")
    return pl.when(known.is_null()).then(unknown).otherwise(_state(known, "become a reference" + due))


def _state(done: pl.Expr, what: str) -> pl.Expr:
    return pl.when(certainly(done)).then(pl.lit(what + " (done)")).otherwise(pl.lit(what))


def _deal_size(goals: Goals, due: str, currency: str) -> pl.Expr | None:
    if goals.deal_size is None and goals.deal_growth is None:
        return None
    if goals.deal_size is not None:
        target: pl.Expr = pl.lit(goals.deal_size, dtype=pl.Int64)
    else:
        target = _grown(pl.col("size_before"), goals.deal_growth or 0)
    reached = money_words(pl.col("size").fill_null(0), currency)
    return _progress("average deal size", reached, money_words(target, currency), due)


def _breadth(goals: Goals, due: str, areas: Sequence[str]) -> pl.Expr | None:
    """In the area where the account stood broadest at the period's start; nothing where no deal names one."""
    if goals.areas is None or not areas:
        return None
    best = pl.max_horizontal([pl.col(f"{area}_before") for area in areas])
    best_now = pl.max_horizontal([pl.col(f"{area}_now") for area in areas])
    text: pl.Expr = pl.lit(None, dtype=pl.String)
    for area in reversed(areas):
        before, now = pl.col(f"{area}_before"), pl.col(f"{area}_now")
        leads = pl.when(best > 0).then(before == best).otherwise(now == best_now)
        target = pl.max_horizontal(before, pl.lit(1, dtype=pl.Int32)) + goals.areas
        piece = _progress(_AREAS[area], now.cast(pl.String), target.cast(pl.String), due)
        text = pl.when(leads & (best_now > 0)).then(piece).otherwise(text)
    return text


def _grown(base: pl.Expr, percent: int) -> pl.Expr:
    """`percent` more, rounded up to a minor unit; null where there is nothing to grow from."""
    grown = (base.cast(pl.Int128) * (100 + percent) + 99) // 100
    return pl.when(base > 0).then(grown.clip(upper_bound=UNBOUNDED)).cast(pl.Int64)


def _progress(what: str, reached: pl.Expr, target: pl.Expr, due: str) -> pl.Expr:
    """Null where the target is."""
    return pl.concat_str(pl.lit(what + " "), reached, pl.lit(" of "), target, pl.lit(due))


def money_words(minor: pl.Expr, currency: str) -> pl.Expr:
    """Minor units as `money_text` writes them exactly, whatever their size: `$12,400`, `$1,250,000.50`."""
    unit = 10 ** currency_digits(currency)
    size = minor.abs()
    backwards = (size // unit).cast(pl.String).str.reverse().str.replace_all(r"(\d{3})", "${1},")
    whole = backwards.str.strip_chars_end(",").str.reverse()
    rest = (size % unit).cast(pl.String).str.zfill(currency_digits(currency))
    number = pl.when(size % unit > 0).then(pl.concat_str(whole, pl.lit("."), rest)).otherwise(whole)
    sign = pl.when(minor < 0).then(pl.lit("-")).otherwise(pl.lit(""))
    return pl.concat_str(sign, pl.lit(money_text(0, currency).removesuffix("0")), number)
