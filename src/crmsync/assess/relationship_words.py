"""The relationship of one account in words (domain.md A5), from the same columns and figures that decided it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import polars as pl

from crmsync.assess import buying
from crmsync.assess.base import OUT, ExplainLine, Explanation, World
from crmsync.assess.buying import UNBOUNDED
from crmsync.assess.exclusion import EXCLUDED
from crmsync.assess.explain import answer
from crmsync.assess.objectives import period_of
from crmsync.assess.pins import pin_remark
from crmsync.assess.relationship_evidence import (
    AREA_LABELS,
    PREFIX,
    SPONSOR_LEVEL,
    Criterion,
    absent,
    areas_of,
    counted,
    criteria,
    level_label,
)
from crmsync.assess.relationship_notes import odd_deals
from crmsync.assess.relationship_section import CATEGORIES, LEVELS, RelationshipProgram, relationship_program
from crmsync.assess.sponsors import SENIORITY, engaged_edge
from crmsync.model.text import id_order
from crmsync.program.units import money_text

_FEW = 3
_BOUGHT = ("purchases", "years", "core_years")
_LABELS = {
    "total": "total",
    "standardised": "standard",
    "sponsor": "sponsor",
    "share_of_wallet": "wallet",
    "breadth": "breadth",
    "level": "contacts",
}


def explain(world: World, record: pl.DataFrame) -> Explanation:
    """The category, what it and the next one ask for with the figures, the objectives, and how it is worked."""
    rules = relationship_program(world.program)
    row = record.row(0, named=True)
    category = str(row[OUT + "relationship"])
    headline = category.capitalize()
    potential = CATEGORIES[int(row[PREFIX + "potential"])]
    if row[PREFIX + "pin"] is None and potential != category:
        headline += f", could be {potential}"
    asked = criteria(world, rules)
    return Explanation(
        "relationship",
        headline,
        tuple(_lines(world, row, category, asked, rules)),
        tuple(_remarks(world, row, category, asked, rules)),
    )


def _lines(
    world: World, row: dict[str, Any], category: str, asked: Sequence[Criterion], rules: RelationshipProgram
) -> list[ExplainLine]:
    """What was bought, then what the category at hand and the next one ask for."""
    shown = {"core": ("core", "strategic"), "strategic": ("strategic",), "beachhead": ("core",)}.get(category, ())
    truth = row[PREFIX + "buys"]
    if shown:
        parts = [row[PREFIX + one.key] for one in asked if one.category == shown[-1] and one.key in _BOUGHT]
        truth = False if False in parts else None if None in parts else True
    subject = shown[-1] if shown else "beachhead"
    lines = [ExplainLine(answer(truth), "bought", subject, _bought(world, row, subject, rules))]
    for one in asked:
        if one.category in shown and one.key not in _BOUGHT:
            text = _figure(one.key, world, row, rules)
            lines.append(ExplainLine(answer(row[PREFIX + one.key]), _LABELS[one.key], one.category, text))
    return lines


def _bought(world: World, row: dict[str, Any], subject: str, rules: RelationshipProgram) -> str:
    since = f"since {buying.windows(world.as_of, rules.months).start:%Y-%m-%d}"
    text = f"{_range(row, 'purchases', 'purchase')} {since}"
    if row[PREFIX + "purchases_high"] and rules.years > 1:
        text += f", in {_range(row, 'years')} of the last {counted(rules.years, 'year')}"
    if not row[PREFIX + "purchases_low"]:
        text += {True: "; bought before", False: "; never before", None: "; before: not known"}[row[PREFIX + "before"]]
    asks = {"strategic": f"{rules.purchases}, one in each year", "core": counted(rules.core_years, "year")}
    if rules.years == 1:
        asks = {"strategic": counted(rules.purchases, "purchase"), "core": "one"}
    return text + (f"; asked: {asks[subject]}" if subject in asks else "")


def _figure(key: str, world: World, row: dict[str, Any], rules: RelationshipProgram) -> str:
    match key:
        case "total":
            return _total(world, row, rules)
        case "standardised":
            said = {True: "standardised on us", False: "not standardised on us"}
            return said.get(row["standardised"], 'nobody knows; filling "Standardised on us" decides it')
        case "share_of_wallet":
            share = row["share_of_wallet"]
            known = "nobody knows the share" if share is None else f"{share} % of their wallet"
            return f"{known}; asked: {rules.share_of_wallet} %"
        case "breadth":
            parts = [f"{AREA_LABELS[area]} {_range(row, area)}" for area in areas_of(world, rules)]
            return f"{', '.join(parts) or 'nobody knows'}; asked: {rules.breadth} of one kind"
        case "sponsor":
            return _people(world, row, SPONSOR_LEVEL, row[PREFIX + key], rules)
    return _people(world, row, rules.seniority, row[PREFIX + key], rules)


def _total(world: World, row: dict[str, Any], rules: RelationshipProgram) -> str:
    currency = world.program.currency
    low, high = int(row[PREFIX + "total_low"]), int(row[PREFIX + "total_high"])
    text = money_text(low, currency, exact=True)
    if high == UNBOUNDED:
        text = f"at least {text}, an amount is missing"
    elif high > low:
        text += f" to {money_text(high, currency, exact=True)}"
    if rules.top_percent:
        buyers = world.accounts.filter(pl.col(PREFIX + "purchases_low") > 0)
        place = int((buyers[PREFIX + "total_low"] > low).sum()) + 1
        seats = -(-buyers.height * rules.top_percent // 100)
        if row[PREFIX + "purchases_low"]:
            text += f"; place {place:,} of {buyers.height:,} buyers, the top {rules.top_percent} % are {seats:,}"
        if row[PREFIX + "in_top"] is None and low == high:
            text += "; an amount or a date of another account is missing" if world.whole else "; not all were read"
    if rules.amount is not None:
        least = money_text(rules.amount, currency, exact=True)
        text += f"; asked: {'or ' if rules.top_percent else ''}{least}"
    return text


def _people(world: World, row: dict[str, Any], level: str, truth: bool | None, rules: RelationshipProgram) -> str:
    """Titles and dates, never names: whoever reads this may not be meant to read those."""
    known = pl.col(SENIORITY).cast(pl.String)
    at = pl.col("last_contacted_at")
    mine = world.contacts.filter(
        (pl.col("account").cast(pl.String) == row["id"]).fill_null(value=False),
        ~pl.col("left_company").fill_null(value=False),
    )
    found = mine.filter(known.is_in(LEVELS[LEVELS.index(level) :]).fill_null(value=False))
    found = found.sort(at, *id_order(), descending=[True, False, False], nulls_last=True)
    title = pl.col("title").cast(pl.String) if "title" in found.columns else known
    people = [
        f"{name or 'no title'} contacted {on:%Y-%m-%d}" if on else f"{name or 'no title'}, no date of a contact"
        for name, on in found.select(title.alias("title"), "last_contacted_at").head(_FEW).rows()
    ]
    parts = people or [f"no {level_label(level)}"]
    recent = (at >= engaged_edge(world.as_of, rules.engaged_days)).fill_null(value=True)
    unread = mine.filter(recent & ~known.is_in(LEVELS).fill_null(value=False)).height
    if truth is not True:
        parts += [f"{unread} of an unknown level"] if unread else []
        parts.append(f"asked: one contacted within {rules.engaged_days} days")
    return "; ".join(parts)


def _range(row: dict[str, Any], name: str, what: str = "") -> str:
    low, high = int(row[f"{PREFIX}{name}_low"]), int(row[f"{PREFIX}{name}_high"])
    text = f"{low:,}" if low == high else f"{low:,} to {high:,}"
    return f"{text} {what}{'' if low == high == 1 else 's'}" if what else text


def _remarks(
    world: World, row: dict[str, Any], category: str, asked: Sequence[Criterion], rules: RelationshipProgram
) -> list[str]:
    by_rule, reached = int(row[PREFIX + "by_rule"]), int(row[PREFIX + "reached"])
    remarks = []
    if row[PREFIX + "pin"] is not None:
        remarks.append(pin_remark("relationship", CATEGORIES[by_rule]))
    elif by_rule > reached:
        remarks.append("Held: a value it had is missing, and a missing value demotes nobody.")
    remarks += _gaps(row, category, asked)
    if silent := absent(world, rules):
        remarks.append(f"This portal cannot say: {', '.join(silent)}; the category rests on the rest.")
    if row.get("share_of_wallet") is not None and rules.share_of_wallet is None:
        remarks.append(f"Share of wallet: {row['share_of_wallet']} %.")
    objectives = row[OUT + "relationship_objectives"]
    if row[EXCLUDED]:
        remarks.append("Excluded by the program: no objectives.")
    else:
        remarks.append(f"Objectives: {objectives}." if objectives else "Objectives: none has a target.")
        if counts := _counted(world, category, objectives or "", rules):
            remarks.append(f"How it counts: {'; '.join(counts)}.")
    motion = dict(rules.motions)[category]
    remarks.append(f"Education: {motion.education}. Sales process: {motion.sales_process}. Support: {motion.support}.")
    when = buying.windows(world.as_of, rules.months)
    odd = odd_deals(buying.wins(world.deals, ()), str(row["id"]), when)
    return remarks + odd[:_FEW] + ([f"{len(odd) - _FEW} more deals are odd."] if len(odd) > _FEW else [])


def _counted(world: World, category: str, objectives: str, rules: RelationshipProgram) -> list[str]:
    """What the figures of the objectives count, and what their targets stand on, for whoever adds them up again."""
    goals = dict(rules.objectives.goals)[category]
    period = period_of(world.as_of, rules.objectives.period)
    start = f"{period.start:%Y-%m-%d}"
    bought = f"purchases since {buying.months_before(period.start.date(), rules.months)}"
    growth = f" (target: {goals.revenue_growth} % over the {rules.objectives.period} before)"
    larger = f" (target: {goals.deal_growth} % over those before {start}, or the first day's)"
    said = {
        "purchase": f"deals won since {start}",
        "revenue ": f"revenue since {start}" + (growth if goals.revenue is None else ""),
        "average deal size ": bought + (larger if goals.deal_size is None else ""),
        " engaged ": f"engaged: contacted since {period.engaged_since(rules.engaged_days):%Y-%m-%d}",
        "refresh ": "refreshed: no contact is stale",
    }
    return [text for piece, text in said.items() if piece in objectives]


def _gaps(row: dict[str, Any], category: str, asked: Sequence[Criterion]) -> list[str]:
    """What the next category asks for that is not so or not known; the best one that is possible, too."""
    if category == "strategic":
        return []
    place = CATEGORIES.index(category) + 1
    return [
        text
        for above in sorted({place, max(place, int(row[PREFIX + "potential"]))})
        if (text := _gap(row, CATEGORIES[above], asked)) is not None
    ]


def _gap(row: dict[str, Any], above: str, asked: Sequence[Criterion]) -> str | None:
    if above == "beachhead":
        return f"For Beachhead, {'missing' if row[PREFIX + 'buys'] is False else 'not known'}: a purchase."
    missing = [one.label for one in asked if one.category == above and row[PREFIX + one.key] is False]
    unknown = [one.label for one in asked if one.category == above and row[PREFIX + one.key] is None]
    parts = [f"missing: {', '.join(missing)}"] if missing else []
    parts += [f"not known: {', '.join(unknown)}"] if unknown else []
    return f"For {above.capitalize()}, {'; '.join(parts)}." if parts else None
