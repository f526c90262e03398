"""What people should mend so that purchases count (domain.md A5): odd deals, and accounts without an objective."""

from __future__ import annotations

import polars as pl

from crmsync.assess.base import OUT
from crmsync.assess.buying import Windows
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.objectives import Period
from crmsync.model.text import id_order

_NOTED = 20

UNDECIDED = "nobody knows whether it is won, so it may count as a purchase; set its stage"
UNDATED = "it is won and has no close date, so it may count in any year; fill the close date"
AHEAD = "it is won and closes only on {}, so it does not count yet; mend the close date if that is wrong"
UNPRICED = "it is won and has no amount, so the total of its companies is not known; fill the amount"
REFUND = "it is won with an amount below zero, so it is taken as a refund and not as a purchase"


def oddities(when: Windows) -> list[tuple[pl.Expr, str]]:
    """(Boolean of a row of `buying.wins`, what to say of it): `{}` stands for the close date."""
    certain, closed, amount = pl.col("certain"), pl.col("closed_at"), pl.col("amount")
    on_time = ((closed >= when.start) & (closed <= when.as_of)).fill_null(value=True)
    return [
        (certain.is_null() & on_time, UNDECIDED),
        (certain & closed.is_null(), UNDATED),
        (certain & (closed > when.as_of), AHEAD),
        (certain & amount.is_null() & on_time, UNPRICED),
        (certain & (amount < 0) & on_time, REFUND),
    ]


def notes(won: pl.DataFrame, when: Windows) -> tuple[str, ...]:
    """One note for each odd deal, 20 of a kind, and one for the deals that no company holds."""
    found: list[str] = []
    for odd, text in oddities(when):
        rows = won.filter(odd.fill_null(value=False)).sort(id_order())
        found += [f"deal {id_}: {said}" for id_, said in _said(rows.head(_NOTED), text)]
        if rows.height > _NOTED:
            found.append(f"{rows.height - _NOTED:,} more deals like this: {text.format('a later day')}")
    counts = ((pl.col("closed_at") >= when.start) & (pl.col("closed_at") <= when.as_of)).fill_null(value=True)
    alone = (pl.col("accounts").list.len() == 0).fill_null(value=True)
    lost = won.filter(pl.col("certain").fill_null(value=False) & counts & alone).sort(id_order())
    if not lost.is_empty():
        ids = ", ".join(lost["id"].head(_NOTED)) + (", ..." if lost.height > _NOTED else "")
        found.append(
            f"{lost.height:,} won deal{'s belong' if lost.height > 1 else ' belongs'} to no company, so no account "
            f"has bought them; associate them: deal {ids}"
        )
    return tuple(found)


def odd_deals(won: pl.DataFrame, account: str, when: Windows) -> list[str]:
    """The oddities among the deals of one account, in words."""
    mine = won.filter(pl.col("accounts").list.contains(account)).sort(id_order())
    return [
        f"Deal {id_}: {said}."
        for odd, text in oddities(when)
        for id_, said in _said(mine.filter(odd.fill_null(value=False)), text)
    ]


def _said(rows: pl.DataFrame, text: str) -> list[tuple[str, str]]:
    return [(str(id_), text.format(f"{closed:%Y-%m-%d}" if closed else "")) for id_, closed in _pairs(rows)]


def _pairs(rows: pl.DataFrame) -> list[tuple[object, object]]:
    return rows.select("id", "closed_at").rows()


def without_objective(frame: pl.DataFrame, period: Period) -> tuple[str, ...]:
    """Accounts of an account manager that have no objective for this period (A5: objectives are mandatory)."""
    bare = (
        frame.filter(
            pl.col("managed").fill_null(value=False),
            ~pl.col(EXCLUDED),
            pl.col(OUT + "relationship_objectives").is_null(),
        )
        .select("id", OUT + "relationship")
        .sort(id_order())
    )
    found = [
        f"company {id_}: its account manager has no objective until {period.due}; give the category {category} one "
        "that has a target without earlier purchases, such as an amount"
        for id_, category in bare.head(_NOTED).rows()
    ]
    if bare.height > _NOTED:
        found.append(f"{bare.height - _NOTED:,} more accounts of account managers have no objective")
    return tuple(found)
