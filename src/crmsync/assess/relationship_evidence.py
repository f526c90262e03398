"""The criteria of a relationship category as this program asks them of this portal, and the reason they give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from crmsync.assess.base import WHY, World
from crmsync.assess.relationship_section import CATEGORIES, RelationshipProgram, Use
from crmsync.assess.sponsors import can_tell
from crmsync.program.units import money_text

PREFIX = WHY + "relationship."
SPONSOR_LEVEL = "c_suite"
AREA_LABELS = {"product": "products", "unit": "units", "country": "countries"}
_LEVELS = {"c_suite": "C-level contact", "vp": "vice president"}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One thing that a category asks for; `why.relationship.<key>` says whether it is so, `label` what it is."""

    category: str
    key: str
    label: str


def criteria(world: World, rules: RelationshipProgram) -> tuple[Criterion, ...]:
    """What strategic and core ask for, without the evidence that is off or that this portal cannot give."""
    total = f"total in the top {rules.top_percent} %" if rules.top_percent else ""
    if rules.amount is not None:
        least = f"of at least {money_text(rules.amount, world.program.currency, exact=True)}"
        total = f"{total} or {least}" if total else f"total {least}"
    wallet = f"{rules.share_of_wallet} % of their wallet" if rules.share_of_wallet else ""
    areas = _either(rules.areas if rules.evidence.breadth == "required" else areas_of(world, rules))
    found = (
        Criterion("strategic", "purchases", counted(rules.purchases, "purchase")),
        Criterion("strategic", "years", f"a purchase in {_each_year(rules.years)}"),
        Criterion("strategic", "total", total),
        Criterion("strategic", "standardised", "standardised on us"),
        Criterion("strategic", "sponsor", f"{level_label(SPONSOR_LEVEL)} engaged"),
        Criterion("strategic", "share_of_wallet", wallet),
        Criterion("core", "core_years", f"purchases in {rules.core_years} of {counted(rules.years, 'year')}"),
        Criterion("core", "breadth", f"{rules.breadth} different {areas}"),
        Criterion("core", "level", f"{level_label(rules.seniority)} engaged"),
    )
    return tuple(one for one in found if one.label and _asked(one.key, world, rules))


def absent(world: World, rules: RelationshipProgram) -> tuple[str, ...]:
    """Evidence that the program would count and that this portal cannot give."""
    evidence = rules.evidence
    names = {
        "standardised": (evidence.standardised, world.has("company", "standardised")),
        "share of wallet": (evidence.share_of_wallet, world.has("company", "share_of_wallet")),
        "breadth": (evidence.breadth, bool(areas_of(world, rules))),
        "sponsors": (evidence.sponsor, can_tell(world)),
    }
    return tuple(name for name, (use, given) in names.items() if use == "optional" and not given)


def areas_of(world: World, rules: RelationshipProgram) -> tuple[str, ...]:
    """The areas that deals of this portal can name."""
    return tuple(area for area in rules.areas if world.has("deal", area))


def _asked(key: str, world: World, rules: RelationshipProgram) -> bool:
    evidence = rules.evidence
    match key:
        case "standardised":
            return _counts(evidence.standardised, world.has("company", "standardised"))
        case "share_of_wallet":
            return _counts(evidence.share_of_wallet, world.has("company", "share_of_wallet"))
        case "breadth":
            return _counts(evidence.breadth, bool(areas_of(world, rules)))
        case "sponsor" | "level":
            return _counts(evidence.sponsor, can_tell(world))
    return True


def _counts(use: Use, given: bool) -> bool:
    return use == "required" or (use == "optional" and given)


def level_label(level: str) -> str:
    """`vp` -> `vice president or above`."""
    name = _LEVELS.get(level, level.replace("_", " "))
    return name if level == "c_suite" else f"{name} or above"


def _either(areas: Sequence[str]) -> str:
    labels = [AREA_LABELS[area] for area in areas]
    return " or ".join(part for part in (", ".join(labels[:-1]), *labels[-1:]) if part)


def _each_year(years: int) -> str:
    return "the last year" if years == 1 else f"each of the last {years} years"


def counted(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def reason_of(
    truths: Mapping[str, bool | None], ranks: tuple[int, int], asked: Sequence[Criterion], rules: RelationshipProgram
) -> str:
    """Why the rules give a category: a short text that changes only when a criterion does.

    `truths` are the criteria by key, with `buys` and `before` (bought before the months began); `ranks` are what is
    decided and what is reached, as places in CATEGORIES.
    """
    decided, reached = ranks
    name = CATEGORIES[decided]
    if decided > reached:
        return f"held while unknown: {', '.join(_open(decided, truths, asked))}"
    if name == "greenfield":
        return _no_purchase(truths, rules)
    met = ", ".join(one.label for one in _of(name, asked))
    parts = [f"meets {met}" if met else f"bought in the last {counted(rules.months, 'month')}"]
    above = CATEGORIES[min(decided + 1, 3)] if name != "beachhead" else "core"
    missing = [
        f"{one.label} {'unknown' if truths[one.key] is None else 'not met'}"
        for one in _of(above, asked)
        if truths[one.key] is not True
    ]
    if missing and above != name:
        parts.append(f"for {above}: {', '.join(missing)}")
    return "; ".join(parts)


def _open(decided: int, truths: Mapping[str, bool | None], asked: Sequence[Criterion]) -> list[str]:
    """What is unknown of the category that is held, else of a higher one that is still possible."""
    if truths["buys"] is None:
        return ["a purchase in the months that count"]
    for category in CATEGORIES[decided:]:
        if unknown := [one.label for one in _of(category, asked) if truths[one.key] is None]:
            return unknown
    return []


def _no_purchase(truths: Mapping[str, bool | None], rules: RelationshipProgram) -> str:
    span = f"the last {counted(rules.months, 'month')}"
    if truths["buys"] is None:
        return f"no certain purchase in {span}"
    return f"bought before, nothing in {span}" if truths["before"] else "never bought"


def _of(category: str, asked: Sequence[Criterion]) -> list[Criterion]:
    return [one for one in asked if one.category == category]
