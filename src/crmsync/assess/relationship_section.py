"""The `relationship` section of the program: what counts, what each category asks for, and how each is worked.

Every threshold of domain.md A5 with its default. What a portal may lack is `evidence`: `optional` counts only where the
portal can give it, `required` is a fault in the mapping where it cannot, `off` is never asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crmsync.assess.amounts import minor_units
from crmsync.assess.objective_section import Level, ObjectiveProgram, ObjectivesSpec, resolve_objectives
from crmsync.assess.role_section import SENIORITIES
from crmsync.program.loader import Program, Resolver, Section
from crmsync.program.units import MOST_DAYS

#: From worst to best.
CATEGORIES = ("greenfield", "beachhead", "core", "strategic")
AREAS = ("product", "unit", "country")
LEVELS = tuple(level for level in reversed(SENIORITIES) if level != "unknown")
"""Levels of seniority from lowest to highest."""

Use = Literal["optional", "required", "off"]
Area = Literal["product", "unit", "country"]


class StrategicSpec(BaseModel):
    """The total must be in the top `top_percent` of buyers, or at least `amount` (0 per cent: the amount alone)."""

    model_config = ConfigDict(extra="forbid")
    purchases: Annotated[int, Field(ge=1)] = 4
    top_percent: Annotated[int, Field(ge=0, le=100)] = 5
    amount: Annotated[Decimal, Field(gt=0)] | None = None
    share_of_wallet: Annotated[int, Field(gt=0, le=100)] | None = None


class CoreSpec(BaseModel):
    """Purchases in `years` of the years, in `breadth` different areas, and somebody of this level engaged."""

    model_config = ConfigDict(extra="forbid")
    years: Annotated[int, Field(ge=1)] = 2
    breadth: Annotated[int, Field(ge=1)] = 2
    areas: Annotated[list[Area], Field(min_length=1)] = ["product", "unit", "country"]
    seniority: Level = "director"


class EvidenceSpec(BaseModel):
    """What a portal may not be able to say."""

    model_config = ConfigDict(extra="forbid")
    standardised: Use = "optional"
    share_of_wallet: Use = "optional"
    breadth: Use = "optional"
    sponsor: Use = "optional"


class MotionSpec(BaseModel):
    """How accounts of a category are worked; what is left out stays as it is by default."""

    model_config = ConfigDict(extra="forbid")
    education: str | None = None
    sales_process: str | None = None
    support: str | None = None


class MotionsSpec(BaseModel):
    model_config = ConfigDict(extra="forbid")
    strategic: MotionSpec = MotionSpec()
    core: MotionSpec = MotionSpec()
    beachhead: MotionSpec = MotionSpec()
    greenfield: MotionSpec = MotionSpec()


class RelationshipSpec(BaseModel):
    """`months` is how far back a purchase counts; `engaged_days` how recently a sponsor was contacted."""

    model_config = ConfigDict(extra="forbid")
    months: Annotated[int, Field(ge=1, le=240)] = 36
    strategic: StrategicSpec = StrategicSpec()
    core: CoreSpec = CoreSpec()
    engaged_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 365
    evidence: EvidenceSpec = EvidenceSpec()
    objectives: ObjectivesSpec = ObjectivesSpec()
    motions: MotionsSpec = MotionsSpec()
    override: bool = False


@dataclass(frozen=True, slots=True)
class Motion:
    education: str
    sales_process: str
    support: str


#: From the categories as the source describes them (relationship-categories); the wording is ours.
MOTIONS = {
    "greenfield": Motion(
        "what peers gained",
        "find the buyers, open small",
        "from the first day",
    ),
    "beachhead": Motion(
        "cases for a larger scope",
        "reach executives early",
        "show a first success",
    ),
    "core": Motion(
        "gains for further areas",
        "enterprise-wide agreement",
        "regular reviews",
    ),
    "strategic": Motion(
        "plans made together",
        "an adviser, with sponsors",
        "executive reviews",
    ),
}


@dataclass(frozen=True, slots=True)
class RelationshipProgram:
    """The resolved section. `amount` is in minor units of the program's currency."""

    months: int = 36
    purchases: int = 4
    top_percent: int = 5
    amount: int | None = None
    share_of_wallet: int | None = None
    core_years: int = 2
    breadth: int = 2
    areas: tuple[str, ...] = AREAS
    seniority: str = "director"
    engaged_days: int = 365
    evidence: EvidenceSpec = field(default_factory=EvidenceSpec)
    objectives: ObjectiveProgram = field(default_factory=ObjectiveProgram)
    motions: tuple[tuple[str, Motion], ...] = tuple(MOTIONS.items())
    override: bool = False

    @property
    def years(self) -> int:
        """Years that the months make up; the oldest may be a part of one."""
        return -(-self.months // 12)


def _resolve(spec: RelationshipSpec, resolver: Resolver) -> RelationshipProgram:
    strategic, core = spec.strategic, spec.core
    amount = minor_units(strategic.amount, ("strategic", "amount"), resolver)
    resolved = RelationshipProgram(
        months=spec.months,
        purchases=strategic.purchases,
        top_percent=strategic.top_percent,
        amount=amount,
        share_of_wallet=strategic.share_of_wallet,
        core_years=core.years,
        breadth=core.breadth,
        areas=tuple(area for area in AREAS if area in core.areas),
        seniority=core.seniority,
        engaged_days=spec.engaged_days,
        evidence=spec.evidence,
        objectives=resolve_objectives(spec.objectives, resolver),
        motions=tuple((name, _motion(name, getattr(spec.motions, name))) for name in CATEGORIES),
        override=spec.override,
    )
    if not strategic.top_percent and strategic.amount is None:
        resolver.fault(("strategic",), "no account can be strategic; give top_percent above 0, or an amount")
    if core.years > resolved.years:
        message = f"{core.years} years can never be reached: {spec.months} months make up {resolved.years}"
        resolver.fault(("core", "years"), message)
    if spec.evidence.sponsor == "required" and not resolver.given("roles"):
        message = "who is a sponsor follows from job titles; give a roles: section too, or leave this optional"
        resolver.fault(("evidence", "sponsor"), message)
    return resolved


def _motion(category: str, spec: MotionSpec) -> Motion:
    default = MOTIONS[category]
    return Motion(
        spec.education or default.education,
        spec.sales_process or default.sales_process,
        spec.support or default.support,
    )


def relationship_program(program: Program) -> RelationshipProgram:
    """The resolved section; without one, the defaults."""
    section = program.sections.get("relationship")
    return section if isinstance(section, RelationshipProgram) else RelationshipProgram()


RELATIONSHIP_SECTION = Section("relationship", RelationshipSpec, _resolve)
