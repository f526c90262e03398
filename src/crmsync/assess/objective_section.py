"""What `relationship.objectives` of the program may say: a target of each kind for each category (domain.md A5)."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crmsync.assess.amounts import minor_units
from crmsync.program.loader import Resolver

Level = Literal["c_suite", "vp", "director", "manager", "senior", "professional", "entry"]
Percent = Annotated[int, Field(ge=1, le=1000)]
Count = Annotated[int, Field(ge=1)]
Amount = Annotated[Decimal, Field(gt=0)]


class RevenueSpec(BaseModel):
    """One of: per cent over the period before, an amount in the period, a number of purchases in the period."""

    model_config = ConfigDict(extra="forbid")
    growth: Percent | None = None
    amount: Amount | None = None
    purchases: Count | None = None


class RelationshipsSpec(BaseModel):
    """Either `number` engaged contacts of this level or above, or `refresh: true`: no contact that is out of date."""

    model_config = ConfigDict(extra="forbid")
    seniority: Level | None = None
    number: Count | None = None
    refresh: bool = False


class DealSizeSpec(BaseModel):
    """Either per cent over the mean at the period's start, or an amount."""

    model_config = ConfigDict(extra="forbid")
    growth: Percent | None = None
    amount: Amount | None = None


class BreadthSpec(BaseModel):
    """How many areas more than at the period's start."""

    model_config = ConfigDict(extra="forbid")
    by: Count = 1


class GoalsSpec(BaseModel):
    """What accounts of one category are to reach in a period; it replaces the defaults of that category."""

    model_config = ConfigDict(extra="forbid")
    revenue: RevenueSpec | None = None
    relationships: RelationshipsSpec | None = None
    referenceability: bool = False
    average_deal_size: DealSizeSpec | None = None
    breadth: BreadthSpec | None = None


class ObjectivesSpec(BaseModel):
    model_config = ConfigDict(extra="forbid")
    period: Literal["year", "half", "quarter"] = "year"
    strategic: GoalsSpec | None = None
    core: GoalsSpec | None = None
    beachhead: GoalsSpec | None = None
    greenfield: GoalsSpec | None = None


@dataclass(frozen=True, slots=True)
class Goals:
    """Targets of one category; None and False where the kind has none. Amounts in minor units, growth in per cent."""

    revenue_growth: int | None = None
    revenue: int | None = None
    purchases: int | None = None
    level: str | None = None
    contacts: int | None = None
    refresh: bool = False
    referenceable: bool = False
    deal_growth: int | None = None
    deal_size: int | None = None
    areas: int | None = None


#: The last column of domain.md's table of A5.
GOALS: dict[str, Goals] = {
    "greenfield": Goals(purchases=1, refresh=True),
    "beachhead": Goals(deal_growth=20),
    "core": Goals(revenue_growth=10, level="vp", contacts=2, areas=1),
    "strategic": Goals(revenue_growth=10, level="c_suite", contacts=2, referenceable=True),
}


@dataclass(frozen=True, slots=True)
class ObjectiveProgram:
    period: str = "year"
    goals: tuple[tuple[str, Goals], ...] = field(default_factory=lambda: tuple(GOALS.items()))

    @property
    def levels(self) -> tuple[str, ...]:
        """Levels of seniority that some category counts contacts of."""
        return tuple(dict.fromkeys(goals.level for _, goals in self.goals if goals.level is not None))


def resolve_objectives(spec: ObjectivesSpec, resolver: Resolver) -> ObjectiveProgram:
    goals = []
    for category, default in GOALS.items():
        given: GoalsSpec | None = getattr(spec, category)
        goals.append((category, default if given is None else _goals(given, ("objectives", category), resolver)))
    return ObjectiveProgram(spec.period, tuple(goals))


def _goals(spec: GoalsSpec, path: tuple[str, ...], resolver: Resolver) -> Goals:
    revenue, people, size = spec.revenue, spec.relationships, spec.average_deal_size
    if revenue is not None and _stated(revenue.growth, revenue.amount, revenue.purchases) != 1:
        resolver.fault((*path, "revenue"), "expected one of growth, amount, purchases")
    if size is not None and _stated(size.growth, size.amount) != 1:
        resolver.fault((*path, "average_deal_size"), "expected either growth or amount, one of the two")
    if people is not None:
        counted = _stated(people.seniority, people.number)
        if (people.refresh and counted) or (not people.refresh and counted != 2):
            resolver.fault((*path, "relationships"), "expected either seniority and number, or refresh: true")
    return Goals(
        revenue_growth=revenue.growth if revenue else None,
        revenue=minor_units(revenue.amount, (*path, "revenue", "amount"), resolver) if revenue else None,
        purchases=revenue.purchases if revenue else None,
        level=people.seniority if people else None,
        contacts=people.number if people else None,
        refresh=people.refresh if people else False,
        referenceable=spec.referenceability,
        deal_growth=size.growth if size else None,
        deal_size=minor_units(size.amount, (*path, "average_deal_size", "amount"), resolver) if size else None,
        areas=spec.breadth.by if spec.breadth else None,
    )


def _stated(*values: object) -> int:
    return sum(value is not None for value in values)
