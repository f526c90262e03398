"""The `checklist` section of the program: boxes, global accounts, alignment and shares of focus (domain.md A3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag

from crmsync.assess.amounts import LARGEST, minor_units
from crmsync.model.fields import ACCOUNT
from crmsync.program.conditions import All, Condition, Leaf
from crmsync.program.loader import ConditionSpec, Program, Resolver, Section

GLOBAL = "global"
CHECKLIST_TIERS = ("tier_4", "tier_3", "tier_2", "tier_1", GLOBAL)
"""Worst to best, `none` left out."""

PER_YEAR = {"month": 12, "year": 1, "sale": 1}
_FOCUS = {GLOBAL: (20, 25), "tier_1": (60, 70), "tier_2": (10, 20), "tier_3": (5, 10), "tier_4": (0, 0)}
_PRICING_KEYS = ("our_price", "per", "share", "sales", "huge_funding")
_TENURE_KEYS = ("min_years", "unless")

BoxName = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Weight = Annotated[int, Field(ge=0)]
Amount = Annotated[Decimal, Field(gt=0)]
Percent = Annotated[int, Field(ge=0, le=100)]


class WeightedBox(BaseModel):
    """A box that counts for more or for less than 1; one of weight 0 is shown and counts for nothing."""

    model_config = ConfigDict(extra="forbid")
    when: ConditionSpec
    weight: Weight = 1


class TenureBox(BaseModel):
    """Founded at least `min_years` years ago, and not `unless`.

    Without `unless`: a start-up whose only money is a first round does not tick, where the portal has funding_rounds.
    """

    model_config = ConfigDict(extra="forbid")
    min_years: Annotated[int, Field(ge=0, le=500)] = 5
    unless: ConditionSpec | None = None
    weight: Weight = 1


class PricingBox(BaseModel):
    """What they earn recoups our price: in a year by volume, in one or two sales, or they have huge funding.

    `per` is what their price is for; amounts are in the program's currency.
    """

    model_config = ConfigDict(extra="forbid")
    our_price: Amount
    per: Literal["month", "year", "sale"] = "sale"
    share: Annotated[Decimal, Field(gt=0, le=1)] = Decimal(1)
    sales: Annotated[int, Field(gt=0, le=1_000)] = 2
    huge_funding: Amount | None = None
    weight: Weight = 1


def _form(value: Any) -> str:
    """Which of the forms of a box stands in the file: told by its keys, so that a fault names the right one."""
    if isinstance(value, BaseModel | ConditionSpec):
        return type(value).__name__
    if value == "off" or value is False:
        return "Off"
    keys = set(value) if isinstance(value, Mapping) else set()
    if keys & set(_PRICING_KEYS):
        return "PricingBox"
    if keys & set(_TENURE_KEYS):
        return "TenureBox"
    return "WeightedBox" if keys & {"when", "weight"} else "ConditionSpec"


def _any_of(schema: dict[str, Any]) -> None:
    """`off` is a word, as the name of a condition is: an editor must not ask for exactly one of the forms."""
    schema["anyOf"] = schema.pop("oneOf")


BoxSpec: TypeAlias = Annotated[
    Annotated[ConditionSpec, Tag("ConditionSpec")]
    | Annotated[WeightedBox, Tag("WeightedBox")]
    | Annotated[TenureBox, Tag("TenureBox")]
    | Annotated[PricingBox, Tag("PricingBox")]
    | Annotated[Literal["off"], Tag("Off")],
    Discriminator(_form),
    Field(json_schema_extra=_any_of),
]


class GlobalSpec(BaseModel):
    """Global accounts are taken out before the tiers: the largest by revenue, or whoever `when` names."""

    model_config = ConfigDict(extra="forbid")
    largest: Annotated[int, Field(gt=0)] | None = None
    when: ConditionSpec | None = None


class ChecklistSpec(BaseModel):
    """Six boxes by default; a box named here replaces its default or is added, and `off` drops one."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)
    writes_tier: bool = False
    global_: GlobalSpec | Literal["none"] | None = Field(default=None, alias="global")
    boxes: dict[BoxName, BoxSpec] = {}
    alignment: ConditionSpec | None = None
    focus: dict[str, tuple[Percent, Percent]] = {}


@dataclass(frozen=True, slots=True)
class Tenure:
    """`unless` None: the default, where the portal can give funding_rounds."""

    min_years: int
    unless: Condition | None


@dataclass(frozen=True, slots=True)
class Pricing:
    """Amounts in minor units. `year_needed`: the least `price x customers` that recoups our price in a year."""

    our_price: int
    per: Literal["month", "year", "sale"]
    share: Fraction
    sales: int
    huge_funding: int | None

    @property
    def year_needed(self) -> int:
        return _ceiling(Fraction(self.our_price) / (PER_YEAR[self.per] * self.share))

    @property
    def sale_needed(self) -> int | None:
        """The least price that recoups ours in `sales` sales; None where their price is not per sale."""
        return _ceiling(Fraction(self.our_price, self.sales)) if self.per == "sale" else None


@dataclass(frozen=True, slots=True)
class Box:
    """One box: a condition, or one of the two that no condition can say."""

    name: str
    rule: Condition | Tenure | Pricing
    weight: int = 1


@dataclass(frozen=True, slots=True)
class Checklist:
    """The resolved section. `largest` and `global_when` are both None where there are no global accounts."""

    boxes: tuple[Box, ...]
    alignment: Condition
    largest: int | None = 500
    global_when: Condition | None = None
    writes_tier: bool = False
    focus: Mapping[str, tuple[int, int]] = field(default_factory=lambda: dict(_FOCUS))

    @property
    def output(self) -> str:
        """Where the decision lands."""
        return "tier" if self.writes_tier else "checklist_tier"

    @property
    def counting(self) -> tuple[tuple[int, Box], ...]:
        """The boxes with a weight, and where each stands in `boxes`."""
        return tuple((position, box) for position, box in enumerate(self.boxes) if box.weight)


def _leaf(name: str, operator: str, value: int | bool | tuple[int, ...]) -> Leaf:
    return Leaf(ACCOUNT[name], operator, value, 0)


FIRST_ROUND = _leaf("funding_rounds", "eq", 1)
_DEFAULTS: dict[str, Condition | Tenure] = {
    "website": _leaf("website_clean", "eq", True),
    "employee_size": _leaf("employees", "between", (100, 5_000)),
    "tenure": Tenure(5, None),
    "prior_spend": _leaf("purchases", "gte", 1),
    "annual_report": _leaf("annual_report_match", "eq", True),
}
_ORDER = ("website", "employee_size", "tenure", "pricing", "prior_spend", "annual_report")
_LARGEST, _MANY_EMPLOYEES = 500, _leaf("employees", "gte", 50_000)


def _resolve(spec: ChecklistSpec, resolver: Resolver) -> Checklist:
    boxes = _boxes(spec, resolver)
    if not boxes:
        resolver.fault(("boxes",), "every box is off; keep at least one")
    elif not any(box.weight for box in boxes):
        resolver.fault(("boxes",), "all weights are 0, so that no box counts; give one of them a weight above 0")
    largest: int | None = _LARGEST
    when: Condition | None = _MANY_EMPLOYEES
    if spec.global_ is not None:
        given = GlobalSpec() if spec.global_ == "none" else spec.global_
        largest = given.largest
        when = None if given.when is None else resolver.condition(given.when)
        if spec.global_ != "none" and largest is None and when is None:
            resolver.fault(("global",), "expected largest:, when: or both; `global: none` has no global accounts")
    return Checklist(
        boxes=boxes,
        alignment=_alignment(spec, resolver),
        largest=largest,
        global_when=when,
        writes_tier=spec.writes_tier,
        focus=_focus(spec, resolver),
    )


def _alignment(spec: ChecklistSpec, resolver: Resolver) -> Condition:
    """What `alignment` states, else the ICP, else true."""
    if spec.alignment is not None:
        return resolver.condition(spec.alignment)
    icp = resolver.section("icp")
    return icp if resolver.given("icp") and icp is not None else All(())  # type: ignore[return-value]  # a condition


def _boxes(spec: ChecklistSpec, resolver: Resolver) -> tuple[Box, ...]:
    """The six in their order, then the others by name: the order of the file means nothing."""
    boxes: list[Box] = []
    if "pricing" not in spec.boxes:
        message = "say what you charge, as {our_price: 100_000}, or drop the box with `pricing: off`"
        resolver.fault(("boxes", "pricing"), f"missing; {message}")
    for name in (*_ORDER, *sorted(spec.boxes.keys() - set(_ORDER))):
        if name not in spec.boxes:
            if name in _DEFAULTS:
                boxes.append(Box(name, _DEFAULTS[name]))
            continue
        given = spec.boxes[name]
        if given != "off":
            boxes.append(_box(name, given, resolver))
    return tuple(boxes)


def _box(name: str, given: ConditionSpec | WeightedBox | TenureBox | PricingBox, resolver: Resolver) -> Box:
    match given:
        case PricingBox():
            return Box(name, _pricing(given, ("boxes", name), resolver), given.weight)
        case TenureBox():
            unless = None if given.unless is None else resolver.condition(given.unless)
            return Box(name, Tenure(given.min_years, unless), given.weight)
        case WeightedBox():
            return Box(name, resolver.condition(given.when), given.weight)
    return Box(name, resolver.condition(given))


def _pricing(given: PricingBox, path: tuple[str, ...], resolver: Resolver) -> Pricing:
    pricing = Pricing(
        # Where the amount has a fault nothing is decided by it.
        our_price=minor_units(given.our_price, (*path, "our_price"), resolver) or 1,
        per=given.per,
        share=Fraction(given.share),
        sales=given.sales,
        huge_funding=minor_units(given.huge_funding, (*path, "huge_funding"), resolver),
    )
    if pricing.year_needed > LARGEST:
        resolver.fault((*path, "share"), f"{given.share} is so small a share that no company could have the volume")
    return pricing


def _ceiling(value: Fraction) -> int:
    return -(-value.numerator // value.denominator)


def _focus(spec: ChecklistSpec, resolver: Resolver) -> dict[str, tuple[int, int]]:
    """Shares of all activity by tier, best first: those that are stated, the defaults for the others."""
    for name, (low, high) in spec.focus.items():
        if name not in _FOCUS:
            resolver.fault(("focus", name), f"{name} is not one of the tiers ({', '.join(_FOCUS)})")
        elif low > high:
            resolver.fault(("focus", name), f"the low end {low} is above the high end {high}; swap them")
    stated = {**_FOCUS, **{name: share for name, share in spec.focus.items() if name in _FOCUS}}
    least = sum(low for low, _ in stated.values())
    if spec.focus and least > 100:
        resolver.fault(("focus",), f"the low ends add up to {least} %, more than there is activity")
    return stated


def checklist(program: Program) -> Checklist:
    """The resolved section; without one, no boxes at all."""
    section = program.sections.get("checklist")
    return section if isinstance(section, Checklist) else Checklist((), All(()), largest=None)


def focus_shares(program: Program) -> dict[str, tuple[int, int]]:
    """Checklist tier -> (low, high) per cent of all activity, best tier first (domain.md A3); empty without one."""
    return dict(checklist(program).focus) if program.sections.get("checklist") is not None else {}


CHECKLIST_SECTION = Section("checklist", ChecklistSpec, _resolve)
