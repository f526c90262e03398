"""The `targets` section of the program: where from, how many seats, and when one is lost (domain.md C1)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from crmsync.assess.tier_property import stated_tier_names
from crmsync.program.conditions import Condition, Named
from crmsync.program.loader import ConditionSpec, Program, Resolver, Section
from crmsync.program.units import MOST_DAYS

_COOL_DOWN_DAYS = 90
Days = Annotated[int, Field(ge=0, le=MOST_DAYS)]


class CapacitySpec(BaseModel):
    """Seats in all, and for each owner; accounts without an owner share one bucket."""

    model_config = ConfigDict(extra="forbid")
    total: Annotated[int, Field(ge=0)] | None = None
    per_owner: Annotated[int, Field(ge=0)] | None = None


class LeavesWhen(BaseModel):
    """One criterion for losing the designation, with its grace period in days: without one it ends the seat at once."""

    model_config = ConfigDict(extra="forbid")
    below_tier: str | None = None
    no_engagement_days: Days | None = None
    disqualified: ConditionSpec | None = None
    said_never: Literal[True] | None = None
    for_days: Days = 0


class TargetsSpec(BaseModel):
    """Target accounts: chosen from the named tiers, best first, while seats are free."""

    model_config = ConfigDict(extra="forbid")
    from_: Annotated[list[str], Field(alias="from", min_length=1)]
    capacity: CapacitySpec = CapacitySpec()
    leaves_when: list[LeavesWhen] = []
    cool_down_days: Days = _COOL_DOWN_DAYS


@dataclass(frozen=True, slots=True)
class Criterion:
    """One of `below_tier`, `no_engagement_days`, `disqualified`, `said_never`; `text` is how people read it, and
    by which its clock is found again in the CRM.
    """

    text: str
    for_days: int
    below_tier: str | None = None
    no_engagement_days: int | None = None
    disqualified: Condition | None = None
    said_never: bool = False


AT_ONCE = Criterion("a person said never", 0, said_never=True)
"""How a person's word ends a seat where the program gives it no grace."""


@dataclass(frozen=True, slots=True)
class TargetProgram:
    """`leaves_when` always holds what a person's `never` does, stated or not."""

    tiers: tuple[str, ...]
    total: int | None
    per_owner: int | None
    leaves_when: tuple[Criterion, ...] = (AT_ONCE,)
    cool_down_days: int = _COOL_DOWN_DAYS


def _resolve(spec: TargetsSpec, resolver: Resolver) -> TargetProgram:
    names = stated_tier_names(resolver)
    if not resolver.given("tiers") and not names:
        beside = " (a checklist decides it with `writes_tier: true`)" if resolver.given("checklist") else ""
        resolver.fault(("from",), f"targets are chosen from tiers, and this program has no tiers: section{beside}")
    for position, name in enumerate(spec.from_):
        _check_tier(name, ("from", position), names, resolver)
    return TargetProgram(
        tiers=tuple(spec.from_),
        total=spec.capacity.total,
        per_owner=spec.capacity.per_owner,
        leaves_when=_criteria(spec, names, resolver),
        cool_down_days=spec.cool_down_days,
    )


def _criteria(spec: TargetsSpec, names: tuple[str, ...], resolver: Resolver) -> tuple[Criterion, ...]:
    """Those that are stated, in their order; a person's word comes first where it has no place of its own."""
    criteria: list[Criterion] = []
    for position, given in enumerate(spec.leaves_when):
        criterion = _criterion(given, position, names, resolver)
        if criterion is None:
            continue
        if criterion.text in (known.text for known in criteria):
            named = "; name its condition under conditions: to tell the two apart" if criterion.disqualified else ""
            resolver.fault(("leaves_when", position), f"given twice: {criterion.text}{named}")
        criteria.append(criterion)
    said = [criterion for criterion in criteria if criterion.said_never]
    if len(said) > 1:
        resolver.fault(("leaves_when",), "said_never is given twice; a person's word has one grace period")
    return tuple(criteria) if said else (AT_ONCE, *criteria)


def _check_tier(name: str, path: tuple[str | int, ...], names: tuple[str, ...], resolver: Resolver) -> None:
    if names and name not in names:
        resolver.fault(path, f"{name} is not one of the tiers ({', '.join(reversed(names))})")


def _criterion(given: LeavesWhen, position: int, names: tuple[str, ...], resolver: Resolver) -> Criterion | None:
    path = ("leaves_when", position)
    kinds = ("below_tier", "no_engagement_days", "disqualified", "said_never")
    if sum(getattr(given, kind) is not None for kind in kinds) != 1:
        resolver.fault(path, f"expected one of {', '.join(kinds)}")
        return None
    grace = f" for {given.for_days} days" if given.for_days else ""
    if given.below_tier is not None:
        _check_tier(given.below_tier, (*path, "below_tier"), names, resolver)
        return Criterion(f"below {given.below_tier}{grace}", given.for_days, below_tier=given.below_tier)
    if given.no_engagement_days is not None:
        text = f"no engagement for {given.no_engagement_days} days"
        return Criterion(text, given.for_days, no_engagement_days=given.no_engagement_days)
    if given.disqualified is not None:
        condition = resolver.condition(given.disqualified)
        name = f" ({condition.name})" if isinstance(condition, Named) else ""
        return Criterion(f"disqualified{name}{grace}", given.for_days, disqualified=condition)
    return Criterion(f"{AT_ONCE.text}{grace}", given.for_days, said_never=True)


def target_program(program: Program) -> TargetProgram:
    section = program.sections.get("targets")
    return section if isinstance(section, TargetProgram) else TargetProgram((), None, None)


TARGETS_SECTION = Section("targets", TargetsSpec, _resolve)
