"""Who of an account's contacts is engaged, by level (domain.md A5): a sponsor counts when contacted within some days.

Whether an account has one is true, false or unknown: a contact of an unknown level, or without a date of the last
contact, may be one. Somebody who has left the company is none.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import polars as pl

from crmsync.assess.base import OUT, World
from crmsync.assess.relationship_section import LEVELS

STALE = "why.stale"
SENIORITY = OUT + "seniority"


def can_tell(world: World) -> bool:
    """Whether the portal can say who is engaged: titles are read by roles, and contacts carry a date."""
    if world.program.sections.get("roles") is None:
        return False
    if "contact" in world.provided:
        return world.has("contact", "account") and world.has("contact", "last_contacted_at")
    # Contacts that came in parts are named nowhere; a date on any of them tells that there is such a field.
    return world.contacts["last_contacted_at"].null_count() < world.contacts.height


def engaged_edge(as_of: datetime, engaged_days: int) -> datetime:
    return as_of.astimezone(UTC) - timedelta(days=engaged_days)


def sponsors(
    contacts: pl.DataFrame, levels: Sequence[str], since: datetime, counted: Mapping[str, datetime]
) -> pl.DataFrame:
    """For each account with a contact who may be engaged: `account`, `sure.<level>` and `maybe.<level>` of each level.

    `sure`: somebody of this level or above was contacted since then; `maybe`: somebody may be. `engaged.<level>` is how
    many of the level or above were contacted since the moment that `counted` gives.
    """
    asked = [*levels, *counted]
    lowest = min((_rank(level) for level in asked), default=0)
    ranks = {level: _rank(level) for level in LEVELS}
    rows = (
        contacts.lazy()
        .filter(pl.col("account").is_not_null(), ~pl.col("left_company").fill_null(value=False))
        .filter((pl.col("last_contacted_at") >= min([since, *counted.values()])).fill_null(value=True))
        .select(
            pl.col("account").cast(pl.String),
            pl.col("last_contacted_at").alias("at"),
            pl.col(SENIORITY).cast(pl.String).replace_strict(ranks, default=None, return_dtype=pl.Int8).alias("rank"),
        )
        .filter((pl.col("rank") >= lowest).fill_null(value=True))
    )
    exprs = []
    for level in dict.fromkeys(levels):
        truth = (pl.col("rank") >= _rank(level)) & (pl.col("at") >= since)
        exprs.append(truth.fill_null(value=False).any().alias(f"sure.{level}"))
        exprs.append(truth.fill_null(value=True).any().alias(f"maybe.{level}"))
    for level, edge in counted.items():
        truth = (pl.col("rank") >= _rank(level)) & (pl.col("at") >= edge)
        exprs.append(truth.fill_null(value=False).sum().cast(pl.Int32).alias(f"engaged.{level}"))
    return rows.group_by("account").agg(exprs).collect()


def freshness(contacts: pl.DataFrame) -> pl.DataFrame:
    """For each account with contacts: `account`, `refreshed` (Boolean): none of them is out of date."""
    rows = contacts.lazy().filter(pl.col("account").is_not_null())
    fresh = (~pl.col(STALE).fill_null(value=False)).all()
    return rows.group_by(pl.col("account").cast(pl.String)).agg(fresh.alias("refreshed")).collect()


def _rank(level: str) -> int:
    return LEVELS.index(level)
