"""Influence and interest of a contact (domain.md B1): high, medium or low, from level, role, reporting lines and dates.

Unknown is not low: of whom nothing is known, nothing is said, and what the CRM holds stays (the held rule). A portal
that has no reporting lines cannot give that evidence, so that it speaks neither way; where lines are kept, nobody known
to report to somebody counts as nobody.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import reduce
from operator import or_

import polars as pl

from crmsync.assess.base import OUT, World, held, out
from crmsync.assess.ranks import name_of, rank_of, settle
from crmsync.assess.role_evidence import BUYING_OURS, BUYING_RANK, BUYING_WORDS, DEAL_RANK, DEAL_WORDS, ROLE
from crmsync.assess.role_section import RoleProgram

LEVELS = ("low", "medium", "high")
"""From the lowest to the highest; a rank is the place here."""

_LOW, _MEDIUM, _HIGH = range(3)
OPEN_DEAL, LAST_CONTACT = ROLE + "open_deal", ROLE + "last_contact"


def influence(frame: pl.DataFrame, rules: RoleProgram) -> pl.DataFrame:
    """Add `out.influence` and `out.influence_reason`; reads `out.stakeholder_role`, `out.seniority` and the evidence.

    Each piece of evidence has a rank; the highest of them decides. Who has a known level and nothing else has low
    influence. An unknown level could be any, so that what is held stays.
    """
    words = rules.influence_words
    roles = frame[OUT + "stakeholder_role"].cast(pl.String).drop_nulls().unique().to_list()
    best = {text: max(text.split(";"), key=lambda role: words.get(role, -1)) for text in roles}
    by_role = {text: words.get(role, -1) for text, role in best.items()}
    many, some = rules.direct_reports
    reports = pl.col("direct_reports")
    level_known = (out("seniority") != "unknown").fill_null(value=False)
    ranks = {
        "role": out("stakeholder_role").replace_strict(by_role, default=-1, return_dtype=pl.Int32),
        "level": out("seniority").replace_strict(dict(words), default=-1, return_dtype=pl.Int32),
        "reports": pl.when(reports >= many).then(_HIGH).when(reports >= some).then(_MEDIUM).otherwise(-1),
        "words": pl.max_horizontal(DEAL_RANK, pl.when(~pl.col(BUYING_OURS)).then(BUYING_RANK)).fill_null(-1),
    }
    frame = frame.with_columns(
        *(rank.cast(pl.Int32).alias(f"_{name}") for name, rank in ranks.items()),
        rank_of(held("influence"), LEVELS).alias("_held"),
        level_known.alias("_known"),
    )
    frame = frame.with_columns(pl.max_horizontal([f"_{name}" for name in ranks]).alias("_found"))
    found, known = pl.col("_found"), pl.col("_known")
    frame = frame.with_columns(pl.when(found >= 0).then(found).when(known).then(_LOW).alias("_reached"))
    reached = pl.col("_reached")
    potential = pl.when(known).then(reached).otherwise(_HIGH)
    frame = frame.with_columns(settle(reached, potential, pl.col("_held")).alias("_final"))
    frame = frame.with_columns(
        name_of(pl.col("_final"), LEVELS).alias(OUT + "influence"),
        _influence_reason(rules, best).alias(OUT + "influence_reason"),
    )
    return frame.drop("_final", "_held", "_known", "_found", "_reached", *(f"_{name}" for name in ranks))


def _influence_reason(rules: RoleProgram, best: Mapping[str, str]) -> pl.Expr:
    """The first piece of evidence that has the rank decided on: short, and the same as long as that piece stands."""
    final = pl.col("_final")
    reports = pl.when(final == _HIGH).then(rules.direct_reports[0]).otherwise(rules.direct_reports[1])
    role = out("stakeholder_role").replace_strict(best, default=None, return_dtype=pl.String)
    texts = {
        "_role": pl.concat_str(pl.lit("role "), role),
        "_level": pl.concat_str(pl.lit("level "), out("seniority")),
        "_reports": pl.concat_str(reports, pl.lit(" or more report to them")),
        "_words": pl.concat_str(pl.lit("as "), pl.coalesce(DEAL_WORDS, BUYING_WORDS)),
    }
    low = pl.when((final == _LOW) & (out("seniority") != "unknown")).then(texts["_level"])
    held_on = pl.when(final.is_not_null()).then(pl.lit("kept: the level is unknown now"))
    decided = [pl.when((pl.col(name) == final) & (final >= 0)).then(said) for name, said in texts.items()]
    return pl.coalesce(*decided, low, held_on)


def interest(frame: pl.DataFrame, world: World, rules: RoleProgram) -> pl.DataFrame:
    """Add `out.interest` and `out.interest_reason`; reads OPEN_DEAL (null: may be on one) and two dates.

    The later of last engagement and last contact counts. A date that is missing could be today's, so that who is held
    higher than the other date says stays there; a date that the portal cannot give does not count either way.
    """
    dates = [name for name in ("last_engaged_at", "last_contacted_at") if world.has("contact", name)]
    last = pl.max_horizontal(dates) if dates else pl.lit(None, dtype=pl.Datetime("us", "UTC"))
    missing = reduce(or_, (pl.col(name).is_null() for name in dates), pl.lit(not dates))
    edges = [pl.lit(world.as_of - timedelta(days=days)).cast(pl.Datetime("us", "UTC")) for days in rules.engaged_days]
    # In steps, for what is named twice in one expression is worked out twice.
    frame = frame.with_columns(last.alias(LAST_CONTACT), rank_of(held("interest"), LEVELS).alias("_held"))
    last, open_deal = pl.col(LAST_CONTACT), pl.col(OPEN_DEAL)
    frame = frame.with_columns((last >= edges[0]).alias("_recent"), (last >= edges[1]).alias("_within"))
    high = (open_deal | pl.col("_recent")).fill_null(value=False)
    level = pl.when(high).then(_HIGH).when("_within").then(_MEDIUM).when(last.is_not_null()).then(_LOW)
    frame = frame.with_columns(level.alias("_reached"))
    reached = pl.col("_reached")
    potential = pl.when(missing | open_deal.is_null()).then(_HIGH).otherwise(reached)
    frame = frame.with_columns(settle(reached, potential, pl.col("_held")).alias("_rank"))
    rank = pl.col("_rank")
    recent, within = rules.engaged_days
    reasons = [
        ((rank > reached) | (rank.is_not_null() & reached.is_null()), "kept: when the last contact was is unknown"),
        (open_deal, "on an open deal"),
        (pl.col("_recent"), f"contact within {recent} days"),
        (pl.col("_within"), f"contact within {within} days"),
        (last.is_not_null(), f"no contact for {within} days"),
    ]
    # By number first: each step of a choice writes its column anew, and text is wide.
    none = pl.lit(None, dtype=pl.Int32)
    numbered = reversed(list(enumerate(reasons)))
    chosen = reduce(lambda rest, pair: pl.when(pair[1][0]).then(pair[0]).otherwise(rest), numbered, none)
    said = name_of(chosen, [words for _, words in reasons])
    frame = frame.with_columns(name_of(rank, LEVELS).alias(OUT + "interest"), said.alias(OUT + "interest_reason"))
    return frame.drop("_held", "_recent", "_within", "_reached", "_rank")
