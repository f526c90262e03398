"""What a box of the checklist says of every account, which fields leave it open, and in words (domain.md A3).

Most boxes are conditions. Tenure becomes one once as-of is known. Pricing multiplies two fields, which no condition
does: here it is compared by division, so that no product is ever formed and none can overflow, whatever the CRM holds.
"""

from __future__ import annotations

from collections.abc import Collection
from fractions import Fraction

import polars as pl

from crmsync.assess.base import WHY, World
from crmsync.assess.checklist_section import CHECKLIST_TIERS, FIRST_ROUND, PER_YEAR, Box, Checklist, Pricing, Tenure
from crmsync.assess.explain import account_decisions
from crmsync.assess.gaps import filled_expr, gap_exprs
from crmsync.assess.tier_section import NO_TIER
from crmsync.errors import mask
from crmsync.model.fields import ACCOUNT
from crmsync.model.snapshot import UNREADABLE
from crmsync.program.conditions import All, Condition, Leaf, Not, fields_of
from crmsync.program.evaluate import compile_expr
from crmsync.program.units import money_text

CHECKLIST_WHY = WHY + "checklist."
NAMES = (NO_TIER, *CHECKLIST_TIERS)
"""What the ranks of `why.checklist.reached` and `.potential` stand for."""

_PRICE, _CUSTOMERS, _RAISED = "price", "customers", "money_raised"


def box_column(position: int) -> str:
    """The column of a box: ticked, not ticked, null for unknown."""
    return f"{CHECKLIST_WHY}box.{position}"


def box_label(box: Box) -> str:
    return box.name.replace("_", " ")


def box_fields(box: Box) -> frozenset[str]:
    """Account fields that the box reads, and that a mapping must provide."""
    match box.rule:
        case Tenure(_, unless):
            return frozenset({"founded_year"}) | (fields_of(unless) if unless is not None else frozenset())
        case Pricing():
            funding = {_RAISED} if box.rule.huge_funding is not None else set()
            return frozenset({_PRICE, _CUSTOMERS} | funding)
    return fields_of(box.rule)


def wanted_fields(box: Box) -> frozenset[str]:
    """Account fields that the box looks at where a mapping provides them."""
    by_default = isinstance(box.rule, Tenure) and box.rule.unless is None
    return fields_of(FIRST_ROUND) if by_default else frozenset()


def box_expr(box: Box, world: World) -> pl.Expr:
    """Ticked, not ticked, or null for unknown."""
    if isinstance(box.rule, Pricing):
        volume, sale, funding = _pricing_parts(box.rule)
        return volume | sale | funding
    return compile_expr(_condition(box.rule, world), as_of=world.as_of)


def box_gaps(box: Box, world: World) -> dict[str, pl.Expr]:
    """Field -> Boolean (never null): it is missing, and the box is unknown because of it."""
    if not isinstance(box.rule, Pricing):
        return gap_exprs(_condition(box.rule, world), as_of=world.as_of)
    return _pricing_gaps(box.rule)


def box_if_filled(box: Box, fields: Collection[str], world: World) -> pl.Expr:
    """The box as it would be if `fields`, where they are missing, were filled as favourably as possible."""
    if not isinstance(box.rule, Pricing):
        return filled_expr(_condition(box.rule, world), fields, as_of=world.as_of)
    volume, sale, funding = _pricing_parts(box.rule)
    # A part that is open comes true once none of its fields is missing any more.
    known = {
        name: pl.lit(value=True) if name in fields else pl.col(name).is_not_null() for name in (_PRICE, _CUSTOMERS)
    }
    volume = pl.when(volume.is_null() & known[_PRICE] & known[_CUSTOMERS]).then(pl.lit(value=True)).otherwise(volume)
    sale = sale.fill_null(value=True) if _PRICE in fields else sale
    return volume | sale | (funding.fill_null(value=True) if _RAISED in fields else funding)


def _pricing_gaps(pricing: Pricing) -> dict[str, pl.Expr]:
    volume, sale, funding = _pricing_parts(pricing)
    here = (volume | sale | funding).is_null()
    gaps = {
        _PRICE: here & pl.col(_PRICE).is_null() & (volume.is_null() | sale.is_null()),
        _CUSTOMERS: here & pl.col(_CUSTOMERS).is_null() & volume.is_null(),
    }
    return gaps if pricing.huge_funding is None else gaps | {_RAISED: here & pl.col(_RAISED).is_null()}


def box_text(box: Box, truth: bool | None, record: pl.DataFrame, world: World) -> str:
    """Why one account has the box or has it not, with the values that were read."""
    if isinstance(box.rule, Pricing):
        return _pricing_text(box.rule, truth, record, world.program.currency)
    return account_decisions(_condition(box.rule, world), record, world)


def named_global(world: World, rules: Checklist) -> pl.Expr:
    return pl.lit(value=False) if rules.global_when is None else compile_expr(rules.global_when, as_of=world.as_of)


def _condition(rule: Condition | Tenure, world: World) -> Condition:
    """A box as a condition; tenure counts calendar years, as a year is all that is known of a founding."""
    if not isinstance(rule, Tenure):
        return rule
    old = Leaf(ACCOUNT["founded_year"], "lte", world.as_of.year - rule.min_years, 0)
    unless = rule.unless
    if unless is None and world.has("company", FIRST_ROUND.field.name):
        unless = FIRST_ROUND
    return old if unless is None else All((old, Not(unless)))


def _pricing_parts(pricing: Pricing) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """(recouped by a year's volume, in a few sales, huge funding); null where the fields do not say.

    For price > 0: price x customers >= needed is customers > (needed - 1) // price, exactly, in whole numbers.
    """
    price, customers = pl.col(_PRICE), pl.col(_CUSTOMERS)
    nothing = (price <= 0) | (customers <= 0)
    enough = customers > pl.lit(pricing.year_needed - 1, dtype=pl.Int64) // price
    volume = pl.when(nothing).then(pl.lit(value=False)).otherwise(enough)
    least = pricing.sale_needed
    sale = pl.lit(value=False) if least is None else price >= least
    huge = pricing.huge_funding
    return volume, sale, pl.lit(value=False) if huge is None else pl.col(_RAISED) >= huge


def _pricing_text(pricing: Pricing, truth: bool | None, record: pl.DataFrame, currency: str) -> str:
    """The ways that decided: those that are true, else all; for an unknown, what to fill."""
    ours = money_text(pricing.our_price, currency, exact=True)
    if truth is None:
        gaps = record.select(expr.alias(name) for name, expr in _pricing_gaps(pricing).items()).row(0, named=True)
        missing = [name for name, gap in gaps.items() if gap]
        labels = " or ".join(f'"{ACCOUNT[name].label}"' for name in missing)
        unreadable = [
            f"{mask(str(record[UNREADABLE + name][0]))!r} cannot be read"
            for name in missing
            if UNREADABLE + name in record.columns and record[UNREADABLE + name][0]
        ]
        known = "; ".join(unreadable) or "nobody knows"
        return f"{known}; filling {labels} decides whether {ours} is recouped"
    said = _ways(pricing, record, currency, ours)
    return "; ".join(text for good, text in said if good is truth)


def _ways(pricing: Pricing, record: pl.DataFrame, currency: str, ours: str) -> list[tuple[bool | None, str]]:
    """(truth, words) of each way to recoup our price."""
    volume, sale, funding = record.select(
        part.alias(name) for name, part in zip("vsf", _pricing_parts(pricing), strict=True)
    ).row(0)
    row = record.row(0, named=True)
    ways: list[tuple[bool | None, str]] = []

    def money(minor: int) -> str:
        return money_text(minor, currency, exact=True)

    def verdict(good: bool) -> str:
        return f"at least {ours}" if good else f"below {ours}"

    if volume is not None and row[_PRICE] is not None and row[_CUSTOMERS] is not None:
        periods = PER_YEAR[pricing.per]
        total = int(Fraction(row[_PRICE]) * row[_CUSTOMERS] * periods * pricing.share)
        times = f" x {periods}" if periods > 1 else ""
        share = f" x {float(pricing.share):g}" if pricing.share != 1 else ""
        product = f"{money(row[_PRICE])} a {pricing.per}{times} x {row[_CUSTOMERS]:,} customers{share}"
        ways.append((volume, f"{product} is {money(total)} a year, {verdict(volume)}"))
    elif volume is not None:
        name = _PRICE if row[_PRICE] is not None else _CUSTOMERS
        ways.append((volume, f"{name} is {row[name]}, so nothing is recouped by volume"))
    if sale is not None and pricing.sale_needed is not None:
        total = row[_PRICE] * pricing.sales
        ways.append((sale, f"{pricing.sales} sales at {money(row[_PRICE])} are {money(total)}, {verdict(sale)}"))
    if funding is not None and pricing.huge_funding is not None:
        side = "is at least" if funding else "is below"
        ways.append((funding, f"money raised {money(row[_RAISED])} {side} {money(pricing.huge_funding)}"))
    return ways
